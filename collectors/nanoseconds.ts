/**
 * Nanoseconds since the epoch, as text, of fixed-width ISO times (`2026-11-22T18:25:51.633858316Z` →
 * `1795371951633858316`); for ids on the hot path: neighbours mostly share the second, which is computed once.
 */
export function openNanoseconds(): (time: string) => string {
  let second = ''
  let digits = ''
  return (time) => {
    if (second === '' || !time.startsWith(second)) {
      second = time.slice(0, 19)
      digits = String(Date.parse(`${second}Z`) / 1000)
    }
    return digits + time.slice(20, 29)
  }
}

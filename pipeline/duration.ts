const msOf = { w: 604_800_000, d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000, ms: 1 }
const duration = /^(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?$/

/** Milliseconds of `250ms`, `5s`, `2m`, `1h30m`, `14d`, `2w` or `0`; undefined if the text is none of these. */
export function parseDuration(text: string): number | undefined {
  if (text === '0') return 0
  const match = duration.exec(text)
  if (!match || text === '') return undefined
  const ms = Object.values(msOf).reduce((sum, unit, i) => sum + Number(match[i + 1] ?? 0) * unit, 0)
  return Number.isSafeInteger(ms) ? ms : undefined
}

/** The shortest text that {@link parseDuration} reads as `ms` (a whole number ≥ 0): `90000` is `1m30s`. */
export function formatDuration(ms: number): string {
  let rest = ms
  let text = ''
  for (const [unit, size] of Object.entries(msOf)) {
    // Two weeks of retention are written as 14d by everyone.
    if (unit === 'w') continue
    const count = Math.floor(rest / size)
    if (count > 0) text += `${count}${unit}`
    rest -= count * size
  }
  return text || '0s'
}

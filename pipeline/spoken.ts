/** Bytes as people say them, to three digits: 134217728 → `128 MiB`, 1.5e9 → `1.4 GiB`. */
export function spokenBytes(bytes: number): string {
  let size = bytes
  let unit = 'B'
  for (const next of ['KiB', 'MiB', 'GiB', 'TiB']) {
    if (Math.abs(size) < 1024) break
    size /= 1024
    unit = next
  }
  return `${Number(size.toPrecision(size >= 1000 ? 4 : 3))} ${unit}`
}

/** A length of time in its largest unit: 200 → `3 min`, 90000 → `25 h`. */
export function spokenSeconds(seconds: number): string {
  if (seconds < 10) return `${Number(seconds.toFixed(1))} s`
  if (seconds < 120) return `${Math.round(seconds)} s`
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`
  if (seconds < 172_800) return `${Math.round(seconds / 3600)} h`
  return `${Math.round(seconds / 86_400)} days`
}

/** Durations and sizes as people write them; numbers (ms, bytes) everywhere else. */

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

const bytesOf: Record<string, number> = {
  '': 1,
  B: 1,
  kB: 1000,
  KB: 1000,
  MB: 1000 ** 2,
  GB: 1000 ** 3,
  TB: 1000 ** 4,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
  TiB: 1024 ** 4,
}

/** Bytes of `256KiB`, `1.5GiB`, `10MB`, `1000`; undefined if the text is none of these. */
export function parseSize(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?) ?([A-Za-z]*)$/.exec(text)
  const unit = match && Object.hasOwn(bytesOf, match[2] ?? '') ? bytesOf[match[2] ?? ''] : undefined
  if (!match || unit === undefined) return undefined
  const bytes = Math.round(Number(match[1]) * unit)
  return Number.isSafeInteger(bytes) ? bytes : undefined
}

/** Bytes for people, in the largest binary unit that leaves at least one: `1.5 GiB`. */
export function formatSize(bytes: number): string {
  let value = bytes
  for (const unit of ['B', 'KiB', 'MiB', 'GiB']) {
    if (value < 1024) return `${Number(value.toFixed(1))} ${unit}`
    value /= 1024
  }
  return `${Number(value.toFixed(1))} TiB`
}

// Times are shown in UTC, ages by the server's clock; the reader's local time is in the tooltip.

let skew = 0

/** Learns the server's time from an answer's header. */
export function learnNow(/** @type {string | null} */ header) {
  const ms = Number(header)
  if (header && Number.isFinite(ms)) skew = ms - Date.now()
}

/** The server's time, ms. */
export const now = () => Date.now() + skew

/** ms of an event's time (nine fraction digits). */
export const isoToMs = (/** @type {string} */ iso) => Date.parse(`${iso.slice(0, 23)}Z`)

const iso = (/** @type {number} */ ms) => new Date(ms).toISOString()

export const utcDay = (/** @type {number} */ ms) => iso(ms).slice(0, 10)
export const utcClock = (/** @type {number} */ ms) => iso(ms).slice(11, 19)
export const utcClockMs = (/** @type {number} */ ms) => iso(ms).slice(11, 23)

/** The clock, with the day in front unless it is today. */
export function utcShort(/** @type {number} */ ms, /** @type {boolean} */ fine = false) {
  const clock = fine ? utcClockMs(ms) : utcClock(ms)
  return utcDay(ms) === utcDay(now()) ? clock : `${utcDay(ms).slice(5)} ${clock}`
}

/** For tooltips: UTC in full, then the reader's own. */
export function bothTimes(/** @type {number} */ ms) {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone
  return `${iso(ms).replace('T', ' ').replace('Z', ' UTC')}\n${new Date(ms).toLocaleString()} (${zone})`
}

/** @type {[number, string][]} */
const units = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'min'],
  [1000, 's'],
]

/** `42 s`, `5 min`, `3 h`: one unit, as people say it. */
export function span(/** @type {number} */ ms) {
  const [size, unit] = units.find(([size]) => ms >= size * (size > 1000 ? 1 : 0)) ?? [1000, 's']
  return `${Math.max(0, Math.floor(ms / size))} ${unit}`
}

/** How long it is still to be: `42 min`, `1 h 59 min`, `6 d 3 h`, in two units, for half of an hour is much there. */
export function left(/** @type {number} */ ms) {
  const at = units.findIndex(([size]) => ms >= size)
  const [size, unit] = units[at] ?? [1000, 's']
  const [small, smallUnit] = units[at + 1] ?? []
  const whole = Math.max(0, Math.floor(ms / size))
  const rest = small && size > 60_000 ? Math.floor((ms % size) / small) : 0
  return rest > 0 ? `${whole} ${unit} ${rest} ${smallUnit}` : `${whole} ${unit}`
}

export const ago = (/** @type {number} */ ms) => span(now() - ms)

/** ms of `15m`, `2h`; undefined for anything else. */
export function relativeMs(/** @type {string | null | undefined} */ text) {
  const match = /^(\d+)([smhdw])$/.exec(text ?? '')
  const size = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 }
  return match ? Number(match[1]) * size[/** @type {'s'} */ (match[2])] : undefined
}

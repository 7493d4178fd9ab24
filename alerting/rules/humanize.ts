// Prometheus's template functions of the same names, so that texts read the same in both.

const larger = ['k', 'M', 'G', 'T', 'P', 'E', 'Z', 'Y']
const smaller = ['m', 'u', 'n', 'p', 'f', 'a', 'z', 'y']

/** C's `%.4g`: four significant digits, no trailing zeros. */
export function fourDigits(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf'
  if (value === 0) return '0'
  const [mantissa = '', exponent = '0'] = value.toExponential(3).split('e')
  const power = Number(exponent)
  if (power >= -4 && power < 4) return String(Number(value.toPrecision(4)))
  const digits = String(Math.abs(power)).padStart(2, '0')
  return `${String(Number(mantissa))}e${power < 0 ? '-' : '+'}${digits}`
}

/** With a metric prefix: 1234567 → `1.235M`, 0.012 → `12m`. */
export function humanize(value: number): string {
  if (value === 0 || !Number.isFinite(value)) return fourDigits(value)
  const { scaled, prefix } = Math.abs(value) >= 1 ? scaleDown(value) : scaleUp(value)
  return fourDigits(scaled) + prefix
}

function scaleDown(value: number) {
  let [scaled, prefix] = [value, '']
  for (const next of larger) {
    if (Math.abs(scaled) < 1000) break
    scaled /= 1000
    prefix = next
  }
  return { scaled, prefix }
}

function scaleUp(value: number) {
  let [scaled, prefix] = [value, '']
  for (const next of smaller) {
    if (Math.abs(scaled) >= 1) break
    scaled *= 1000
    prefix = next
  }
  return { scaled, prefix }
}

const binary = ['ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei', 'Zi', 'Yi']

/** With a binary prefix: 1048576 → `1Mi`. */
export function humanize1024(value: number): string {
  if (Math.abs(value) <= 1 || !Number.isFinite(value)) return fourDigits(value)
  let [scaled, prefix] = [value, '']
  for (const next of binary) {
    if (Math.abs(scaled) < 1024) break
    scaled /= 1024
    prefix = next
  }
  return fourDigits(scaled) + prefix
}

/** Unix seconds as a time in UTC: 1435065584.128 → `2015-06-23 13:19:44.128 +0000 UTC`. */
export function humanizeTimestamp(seconds: number): string {
  const date = new Date(seconds * 1000)
  if (Number.isNaN(date.getTime())) return fourDigits(seconds)
  const [day, time = ''] = date.toISOString().slice(0, -1).split('T')
  // Go writes no zeros at the end of a fraction, and no fraction of zeros.
  return `${day} ${time.replace(/\.?0*$/, '')} +0000 UTC`
}

/** Seconds in words: 3700 → `1h 1m 40s`, 0.5 → `500ms`. */
export function humanizeDuration(seconds: number): string {
  if (!Number.isFinite(seconds)) return fourDigits(seconds)
  if (seconds === 0) return '0s'
  const size = Math.abs(seconds)
  if (size < 1) {
    const { scaled, prefix } = scaleUp(seconds)
    return `${fourDigits(scaled)}${prefix}s`
  }
  const whole = Math.trunc(size)
  const sign = seconds < 0 ? '-' : ''
  const s = whole % 60
  const m = Math.trunc(whole / 60) % 60
  const h = Math.trunc(whole / 3600) % 24
  const d = Math.trunc(whole / 86_400)
  if (d > 0) return `${sign}${d}d ${h}h ${m}m ${s}s`
  if (h > 0) return `${sign}${h}h ${m}m ${s}s`
  if (m > 0) return `${sign}${m}m ${s}s`
  return `${sign}${fourDigits(size)}s`
}

/** A ratio in percent: 0.1234567 → `12.35%`. */
export function humanizePercentage(ratio: number): string {
  return `${fourDigits(ratio * 100)}%`
}

/** Milliseconds as people say them, without zero parts: 120000 → `2m`, 3660000 → `1h 1m`. */
export function spokenDuration(ms: number): string {
  const whole = Math.round(ms / 1000)
  if (whole <= 0) return ms > 0 ? `${Math.round(ms)}ms` : '0s'
  return humanizeDuration(whole)
    .split(' ')
    .filter((part) => !part.startsWith('0'))
    .join(' ')
}

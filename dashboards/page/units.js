/** Numbers with their units, as people read them. */

export const percent = (/** @type {number} */ ratio) => {
  const value = ratio * 100
  return `${value < 9.95 && value > 0 ? value.toFixed(1).replace(/\.0$/, '') : Math.round(value)} %`
}

export const rate = (/** @type {number} */ value) => `${rounded(value)}/s`

export const whole = (/** @type {number} */ value) => String(Math.round(value * 10) / 10)

/** Three digits that matter. */
export function rounded(/** @type {number} */ value) {
  if (value === 0) return '0'
  const size = Math.abs(value)
  if (size >= 100) return String(Math.round(value))
  return String(Number(value.toPrecision(size < 1 ? 2 : 3)))
}

/** A value of a signal, by the unit it was declared with. */
export function withUnit(/** @type {number} */ value, /** @type {string | undefined} */ unit) {
  if (unit === 'ratio') return percent(value)
  if (unit === 'bytes') return bytes(value)
  if (unit === undefined || unit === 'instances') return rounded(value)
  return unit === '/s' ? rate(value) : `${rounded(value)} ${unit}`
}

/** @type {[number, string][]} */
const sizes = [
  [2 ** 30, 'GiB'],
  [2 ** 20, 'MiB'],
  [2 ** 10, 'KiB'],
]

export function bytes(/** @type {number} */ count) {
  const [size, unit] = sizes.find(([size]) => count >= size) ?? [1, 'B']
  return `${rounded(count / size)} ${unit}`
}

import { html } from './lib.js'

const width = 56
const height = 22

/** A value of now and the line that led to it, in a cell. */
export const Trend = ({ of, name, show }) => {
  const value = of.now?.[name]
  const values = of.charts?.[name]
  if (value === undefined && !values) return html`<span class="dim">–</span>`
  return html`<span class="trend">
    <b>${value === undefined ? '–' : show(value)}</b>
    ${values && html`<${Line} values=${values} name=${name} />`}
  </span>`
}

const Line = ({ values, name }) => {
  const top = Math.max(...values.map((value) => value ?? 0), Number.MIN_VALUE)
  const step = width / Math.max(1, values.length - 1)
  let path = ''
  let pen = 'M'
  for (const [at, value] of values.entries()) {
    if (value === null) {
      pen = 'M'
      continue
    }
    path += `${pen}${(at * step).toFixed(1)} ${(height - 1 - (value / top) * (height - 3)).toFixed(1)}`
    pen = 'L'
  }
  return html`<svg
    class="trend-line trend-${name}"
    viewBox="0 0 ${width} ${height}"
    width=${width}
    height=${height}
    role="img"
    aria-label="${name} over the last 15 minutes"
  >
    <path d=${path} />
  </svg>`
}

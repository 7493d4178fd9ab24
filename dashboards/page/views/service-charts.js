import { Chart, useTimes } from '../chart.js'
import { marksOf } from '../events.js'
import { Histogram } from '../histogram.js'
import { html, useMemo } from '../lib.js'
import { levels } from '../parts.js'
import { percent, rate, whole } from '../units.js'

/** Each chart: which signals it draws, how they are called, and how a value reads. */
const charts = [
  {
    title: 'Instances',
    show: whole,
    top: 2,
    lines: [
      {
        signal: 'instances_wanted',
        name: 'wanted',
        colour: 'line-wanted',
        dash: [5, 4],
        stepped: true,
      },
      { signal: 'instances_running', name: 'running', colour: 'line-running', stepped: true },
      { signal: 'instances_healthy', name: 'healthy', colour: 'line-healthy', stepped: true },
    ],
  },
  {
    title: 'Requests and errors',
    show: rate,
    top: 1,
    lines: [
      { signal: 'requests', name: 'requests', colour: 'line-requests', ofLines: true },
      { signal: 'errors', name: 'error lines', colour: 'bar-error', ofLines: true },
    ],
  },
  {
    title: 'CPU, of limit',
    show: percent,
    top: 0.5,
    lines: [{ signal: 'cpu', name: 'mean of the instances', colour: 'line-cpu' }],
  },
  {
    title: 'Memory, of limit',
    show: percent,
    top: 1,
    lines: [{ signal: 'memory', name: 'highest of the instances', colour: 'line-memory' }],
  },
]

/** Load, instances and lines above one another: what happened stands in all of them at the same place. */
export const ServiceCharts = ({ data, onRange }) => {
  const { range, series, changes, histogram } = data
  const marks = useMemo(() => marksOf(changes), [changes])
  const length = Math.max(0, ...series.series.map(({ values }) => values.length))
  const times = useTimes(series.from, series.stepMs, length)
  const drawn = useMemo(() => drawnOf(series, histogram), [series, histogram])
  return html`<section class="charts" aria-label="charts">
    ${drawn.map((chart) => html`<${Chart} key=${chart.title} ...${{ ...chart, times, marks, range, onRange }} />`)}
    <figure class="chart">
      <figcaption><b>Lines</b> <span class="dim">by level</span></figcaption>
      <${Histogram}
        data=${histogram}
        shown=${levels}
        onRange=${onRange}
        axis=${56}
        range=${range}
      />
    </figure>
  </section>`
}

function drawnOf(series, histogram) {
  const wrote = writingTimes(histogram)
  return charts.flatMap((chart) => {
    const lines = chart.lines.flatMap((line) => {
      const found = series.series.find(({ signal }) => signal === line.signal)
      if (!found?.values.some((value) => value !== null)) return []
      const values = line.ofLines ? zeroWhile(wrote, found.values, series) : found.values
      return [{ ...line, values }]
    })
    return lines.length > 0 ? [{ ...chart, lines }] : []
  })
}

/** Whether lines came at a time (ms). */
function writingTimes({ bucketMs, buckets }) {
  const known = new Set(buckets.map(({ from }) => Math.floor(from / bucketMs)))
  return (ms) => known.has(Math.floor(ms / bucketMs))
}

/** Where lines came, but none that count here, the rate is 0: before the first and after the last of these too. */
function zeroWhile(wrote, values, { from, stepMs, to }) {
  const first = Math.floor(from / stepMs) * stepMs
  return values.map((value, at) => {
    const ms = first + at * stepMs
    return value === null && ms + stepMs <= to && wrote(ms) ? 0 : value
  })
}

import { html, uPlot, useEffect, useMemo, useRef, useState } from './lib.js'
import { axisTimes, colourOf, useDark } from './plot.js'
import { utcShort } from './time.js'
import { amount } from './text.js'

/** From the ground up: what is ill stands at the bottom, where bars can be compared. */
const stack = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'unknown']

/**
 * Lines over time by level. Dragging over a stretch, or clicking a bar, asks for that stretch alone. `axis` is the width
 * of the left axis and `range` its ends (ms), for charts that stand above one another.
 */
export const Histogram = ({ data, shown, onRange, axis = 44, range }) => {
  const place = useRef(null)
  const chart = useRef(null)
  const ranged = useRef(onRange)
  ranged.current = onRange
  const latestRange = useRef(range)
  latestRange.current = range
  const [pointed, setPointed] = useState(undefined)
  const dark = useDark()
  const table = useMemo(() => tableOf(data, shown), [data, shown.join()])
  useEffect(() => {
    const element = place.current
    const bucket = { ms: table.bucketMs }
    const made = new uPlot(
      optionsOf({
        element,
        bucket,
        axisWidth: axis,
        ends: () => latestRange.current,
        onPoint: setPointed,
        onRange: (from, to) => ranged.current(from, to),
      }),
      table.columns,
      element,
    )
    chart.current = { made, bucket }
    const observer = new ResizeObserver(() =>
      made.setSize({ width: element.clientWidth, height: 118 }),
    )
    observer.observe(element)
    return () => {
      observer.disconnect()
      made.destroy()
    }
  }, [dark])
  useEffect(() => {
    chart.current.bucket.ms = table.bucketMs
    chart.current.made.setData(table.columns)
  }, [table])
  return html`<div class="histogram">
    <div ref=${place} class="histogram-plot"></div>
    <div class="histogram-says">${pointed === undefined ? '' : says(table, pointed)}</div>
  </div>`
}

/** Every bucket of the range, empty ones too, as uPlot's columns: the time, then sums from the tallest to the lowest. */
function tableOf(data, shown) {
  const { bucketMs, buckets } = data
  const first = Math.floor(data.from / bucketMs)
  const count = Math.max(1, Math.ceil(data.to / bucketMs) - first)
  const times = Array.from({ length: count }, (_, at) => ((first + at) * bucketMs) / 1000)
  const byLevel = new Map(stack.map((level) => [level, Array.from({ length: count }, () => 0)]))
  for (const bucket of buckets) {
    const at = Math.floor(bucket.from / bucketMs) - first
    for (const level of shown) {
      const row = byLevel.get(level)
      if (row && at >= 0 && at < count) row[at] = bucket.levels[level] ?? 0
    }
  }
  const sums = []
  let sum = Array.from({ length: count }, () => 0)
  for (const level of stack) {
    const row = byLevel.get(level)
    sum = sum.map((value, at) => value + row[at])
    sums.unshift(sum)
  }
  return { bucketMs, times, byLevel, columns: [times, ...sums] }
}

function says({ times, byLevel, bucketMs }, at) {
  if (times[at] === undefined) return ''
  const from = times[at] * 1000
  const counts = stack.filter((level) => byLevel.get(level)[at] > 0)
  const text = counts.map((level) => `${amount(byLevel.get(level)[at])} ${level}`).join(', ')
  return `${utcShort(from)} – ${utcShort(from + bucketMs)} UTC: ${text || 'no lines'}`
}

function optionsOf({ element, bucket, axisWidth, ends, onPoint, onRange }) {
  const axis = {
    stroke: colourOf('dim'),
    font: '11px system-ui, sans-serif',
    grid: { stroke: colourOf('line'), width: 1 },
    ticks: { stroke: colourOf('line'), width: 1, size: 4 },
  }
  const bars = uPlot.paths.bars({ size: [0.86, 60], align: 1 })
  return {
    width: element.clientWidth,
    height: 118,
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), 'Etc/UTC'),
    legend: { show: false },
    padding: [8, 22, 0, 0],
    scales: {
      x: {
        range: (_chart, min, max) => {
          const range = ends()
          return range ? [range.from / 1000, range.to / 1000] : [min, max + bucket.ms / 1000]
        },
      },
      y: { range: (_chart, _min, max) => [0, Math.max(1, max) * 1.05] },
    },
    axes: [
      { ...axis, size: 26, space: 70, values: axisTimes() },
      {
        ...axis,
        size: axisWidth,
        space: 28,
        incrs: wholeSteps,
        values: (_chart, ticks) => ticks.map(amount),
      },
    ],
    series: [
      {},
      ...stack.toReversed().map((level) => ({
        fill: colourOf(`bar-${level}`),
        width: 0,
        points: { show: false },
        paths: bars,
      })),
    ],
    cursor: {
      y: false,
      points: { show: false },
      drag: { x: true, y: false, setScale: false, dist: 4 },
    },
    hooks: {
      setCursor: [(chart) => onPoint(chart.cursor.idx ?? undefined)],
      setSelect: [(chart) => rangeOf(chart, bucket, onRange)],
      ready: [(chart) => chooseByClick(chart, bucket, onRange)],
    },
  }
}

const wholeSteps = [1, 2, 5]
  .flatMap((digit) => [1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8].map((size) => digit * size))
  .toSorted((a, b) => a - b)

function rangeOf(chart, bucket, onRange) {
  if (chart.select.width < 4) return
  const ms = (x) => chart.posToVal(x, 'x') * 1000
  const snap = (value) => Math.floor(value / bucket.ms) * bucket.ms
  const from = snap(ms(chart.select.left))
  const to = snap(ms(chart.select.left + chart.select.width)) + bucket.ms
  chart.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false)
  onRange(from, to)
}

function chooseByClick(chart, bucket, onRange) {
  let down = 0
  chart.over.addEventListener('mousedown', (event) => (down = event.clientX))
  chart.over.addEventListener('click', (event) => {
    if (Math.abs(event.clientX - down) >= 4) return
    const x = event.clientX - chart.over.getBoundingClientRect().left
    const from = Math.floor((chart.posToVal(x, 'x') * 1000) / bucket.ms) * bucket.ms
    onRange(from, from + bucket.ms)
  })
}

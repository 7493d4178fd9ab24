import { html, uPlot, useEffect, useMemo, useRef, useState } from './lib.js'
import { axisTimes, colourOf, useDark } from './plot.js'
import { utcShort } from './time.js'

/**
 * Lines over time. All charts on a page share the pointer, and a stretch that is dragged over in one is asked for in
 * all; the axis on the left has one width, so that the same time stands above the same time.
 * @param {{
 *   title: string,
 *   times: number[],
 *   lines: { name: string, colour: string, values: (number | null)[], dash?: number[], stepped?: boolean }[],
 *   show: (value: number) => string,
 *   top?: number,
 *   marks: { ms: number, colour: string }[],
 *   range: { from: number, to: number },
 *   onRange: (from: number, to: number) => void,
 * }} props times in s, `top` the least that the axis shows
 */
export const Chart = ({ title, times, lines, show, top = 1, marks, range, onRange }) => {
  const place = useRef(null)
  const chart = useRef(/** @type {any} */ (undefined))
  const latest = useRef({ marks, range, onRange, show })
  latest.current = { marks, range, onRange, show }
  const [pointed, setPointed] = useState(/** @type {number | undefined} */ (undefined))
  const dark = useDark()
  const names = lines.map(({ name }) => name).join()
  useEffect(() => {
    const element = /** @type {any} */ (place.current)
    const made = new uPlot(
      optionsOf(element, lines, top, latest, setPointed),
      [times, ...lines.map(({ values }) => values)],
      element,
    )
    chart.current = made
    const observer = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height }))
    observer.observe(element)
    return () => {
      observer.disconnect()
      made.destroy()
    }
  }, [dark, names])
  useEffect(() => {
    chart.current?.setData([times, ...lines.map(({ values }) => values)])
  }, [times, lines, range.from, range.to, marks])
  const at = pointed ?? lastMeasured(lines)
  return html`<figure class="chart">
    <figcaption>
      <b>${title}</b>
      ${lines.map(
        (line) =>
          html`<span class="chart-key" style=${{ '--line': `var(--${line.colour})` }}>
            ${line.name} <b>${at === undefined ? '–' : shown(line.values[at], show)}</b>
          </span>`,
      )}
      <span class="push"></span>
      <span class="dim"
        >${pointed === undefined || times[pointed] === undefined ? '' : `${utcShort(times[pointed] * 1000)} UTC`}</span
      >
    </figcaption>
    <div ref=${place} class="chart-plot"></div>
  </figure>`
}

const height = 104

const shown = (value, show) => (value === null || value === undefined ? '–' : show(value))

function lastMeasured(lines) {
  const ends = lines.map(({ values }) => values.findLastIndex((value) => value !== null))
  const last = Math.max(-1, ...ends)
  return last < 0 ? undefined : last
}

function optionsOf(element, lines, top, latest, onPoint) {
  const axis = {
    stroke: colourOf('dim'),
    font: '11px system-ui, sans-serif',
    grid: { stroke: colourOf('line'), width: 1 },
    ticks: { stroke: colourOf('line'), width: 1, size: 4 },
  }
  return {
    width: element.clientWidth,
    height,
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), 'Etc/UTC'),
    legend: { show: false },
    padding: [6, 16, 0, 0],
    scales: {
      x: {
        range: () => [latest.current.range.from / 1000, latest.current.range.to / 1000],
      },
      y: { range: (_chart, _min, max) => [0, Math.max(top, max ?? 0) * 1.08] },
    },
    axes: [
      { ...axis, size: 24, space: 80, values: axisTimes() },
      {
        ...axis,
        size: 56,
        space: 26,
        values: (_chart, ticks) => ticks.map((tick) => latest.current.show(tick)),
      },
    ],
    series: [
      {},
      ...lines.map(({ name, colour, dash, stepped }) => ({
        label: name,
        stroke: colourOf(colour),
        width: 1.6,
        ...(dash ? { dash } : {}),
        ...(stepped ? { paths: uPlot.paths.stepped({ align: 1 }) } : {}),
        points: { show: false },
        spanGaps: false,
      })),
    ],
    cursor: {
      y: false,
      sync: { key: 'service', setSeries: false },
      points: { size: 5 },
      drag: { x: true, y: false, setScale: false, dist: 4 },
    },
    hooks: {
      setCursor: [(chart) => onPoint(chart.cursor.idx ?? undefined)],
      setSelect: [(chart) => choose(chart, latest)],
      draw: [(chart) => drawMarks(chart, latest.current.marks)],
    },
  }
}

function choose(chart, latest) {
  if (chart.select.width < 4) return
  const ms = (x) => Math.round(chart.posToVal(x, 'x') * 1000)
  const [from, to] = [ms(chart.select.left), ms(chart.select.left + chart.select.width)]
  chart.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false)
  latest.current.onRange(from, to)
}

/** What happened, as thin upright lines: one sees what a curve answers to. */
function drawMarks(chart, marks) {
  const { ctx, bbox } = chart
  ctx.save()
  for (const { ms, colour } of marks) {
    const x = Math.round(chart.valToPos(ms / 1000, 'x', true))
    if (x < bbox.left || x > bbox.left + bbox.width) continue
    ctx.strokeStyle = colourOf(colour)
    ctx.globalAlpha = 0.75
    ctx.setLineDash([3, 3])
    ctx.beginPath()
    ctx.moveTo(x, bbox.top)
    ctx.lineTo(x, bbox.top + bbox.height)
    ctx.stroke()
  }
  ctx.restore()
}

/** The steps of a series as uPlot's column of times, s. */
export function useTimes(from, stepMs, length) {
  return useMemo(() => {
    const first = Math.floor(from / stepMs) * stepMs
    return Array.from({ length }, (_, at) => (first + at * stepMs) / 1000)
  }, [from, stepMs, length])
}

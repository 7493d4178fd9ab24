import { number } from '../autoscaling/words.ts'
import type { SimulationAnswer, SimulationPoint } from '../pipeline/simulation.ts'
import { formatMoment } from './moment.ts'

export interface PlotOptions {
  /** Signs in a line. */
  columns: number
  utc: boolean
  load: SimulationAnswer['load']
}

const most = { columns: 80, instances: 9, load: 3 }
const margin = 10
const eighths = ' ▁▂▃▄▅▆▇█'

interface Column {
  happened: number | undefined
  simulated: number | undefined
  load: number | undefined
}

/** Instances that there were (shaded) and those of the simulation (lines), and the load of all, in at most 80 × 16 signs. */
export function plot(points: readonly SimulationPoint[], options: PlotOptions): string {
  const { utc, load } = options
  const width = Math.max(10, Math.min(options.columns, most.columns) - margin)
  const [first, last] = [points[0]?.ts ?? 0, points.at(-1)?.ts ?? 0]
  const columns = columnsOf(points, width)
  const loads = columns.map(({ load }) => load)
  const highest = maximum(loads)
  const times = [first, last].map((ms) => formatMoment(ms, utc).slice(0, 19))
  const axis = `${times[0] ?? ''}${(times[1] ?? '').padStart(width - (times[0]?.length ?? 0))}`
  const lines = [
    labelled('', 'instances: ░ happened, ━ simulated'),
    ...instanceRows(columns),
    ...(load === undefined || highest === 0
      ? []
      : [
          labelled(
            '0',
            `load: ${load.signal} of ${load.isTotal ? 'all instances' : 'the service'}`,
          ),
          ...loadRows(loads, highest),
        ]),
    labelled('0', width > 2 * 19 ? axis : (times[0] ?? '')),
  ]
  return `${lines.map((line) => line.trimEnd()).join('\n')}\n`
}

const labelled = (label: string, text: string) => `${label.padStart(margin - 1)} ${text}`

/** Of each stretch of time the most; where nothing falls into one, it is as before. */
function columnsOf(points: readonly SimulationPoint[], width: number): Column[] {
  const first = points[0]?.ts ?? 0
  const span = Math.max(1, (points.at(-1)?.ts ?? 0) - first)
  const columns: (Column | undefined)[] = Array.from({ length: width })
  for (const { ts, load, happened, simulated } of points) {
    const at = Math.min(width - 1, Math.floor(((ts - first) / span) * width))
    const now = { happened: happened?.wanted, simulated: simulated?.wanted, load }
    const before = columns[at]
    columns[at] = {
      happened: larger(before?.happened, now.happened),
      simulated: larger(before?.simulated, now.simulated),
      load: larger(before?.load, now.load),
    }
  }
  let last: Column = { happened: undefined, simulated: undefined, load: undefined }
  return columns.map((column) => (last = column ?? last))
}

function larger(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.max(a, b)
}

const maximum = (values: readonly (number | undefined)[]) =>
  values.reduce<number>((highest, value) => Math.max(highest, value ?? 0), 0)

function instanceRows(columns: readonly Column[]): string[] {
  const highest = maximum(columns.flatMap(({ happened, simulated }) => [happened, simulated]))
  const height = Math.max(1, Math.min(most.instances, highest))
  const rowOf = (count: number | undefined) =>
    count === undefined || highest === 0 ? 0 : Math.ceil((count / highest) * height)
  return Array.from({ length: height }, (_, i) => {
    const row = height - i
    const signs = columns.map(({ happened, simulated }) => {
      if (simulated !== undefined && rowOf(simulated) === row) return '━'
      return rowOf(happened) >= row ? '░' : ' '
    })
    return labelled(row === height ? number(highest) : '', signs.join(''))
  })
}

function loadRows(loads: readonly (number | undefined)[], highest: number): string[] {
  return Array.from({ length: most.load }, (_, i) => {
    const below = (most.load - 1 - i) * 8
    const signs = loads.map((load = 0) => {
      const filled = Math.round((load / highest) * most.load * 8) - below
      return eighths[Math.max(0, Math.min(8, filled))] ?? ' '
    })
    return labelled(i === 0 ? number(highest) : '', signs.join(''))
  })
}

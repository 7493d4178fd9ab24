import { note, type Problem } from './answer.ts'
import { readLabels, type LabelsAt } from './exposition-labels.ts'

/*
 * Prometheus' text format 0.0.4 and OpenMetrics 1.0
 * (https://prometheus.io/docs/instrumenting/exposition_formats/, https://prometheus.io/docs/specs/om/open_metrics_spec/).
 */

export type ExpositionFormat = 'text' | 'openmetrics'

export const familyTypes = [
  'counter',
  'gauge',
  'histogram',
  'gaugehistogram',
  'summary',
  'info',
  'stateset',
  'unknown',
] as const
export type FamilyType = (typeof familyTypes)[number]

/** One line of an exposition. */
export interface Series {
  /** As it is written, with its ending: `requests_seconds_bucket`. */
  name: string
  /** Without the ending that its type gives it: `requests_seconds`. */
  family: string
  type: FamilyType
  /** `_bucket`, `_sum`, `_count`, `_total` …; empty for the plain name. */
  ending: string
  labels: Record<string, string>
  /** May be NaN or infinite. */
  value: number
  /** When it was measured, where it says so, ms. */
  timeMs?: number
}

export interface ExpositionRead {
  series: Series[]
  problems: Problem[]
  /** False where OpenMetrics ended without `# EOF`: something may be missing. */
  isComplete: boolean
}

/** Endings by the type of the family that they belong to. */
const endings: Record<FamilyType, readonly string[]> = {
  counter: ['_total', '_created'],
  gauge: [],
  histogram: ['_bucket', '_count', '_sum', '_created'],
  gaugehistogram: ['_bucket', '_gcount', '_gsum'],
  summary: ['_count', '_sum', '_created'],
  info: ['_info'],
  stateset: [],
  unknown: [],
}
const allEndings = [...new Set(Object.values(endings).flat())]

/** Reads an exposition; a line that is not understood is left out and named. Never throws. */
export function readExposition(text: string, format: ExpositionFormat): ExpositionRead {
  const problems: Problem[] = []
  const types = new Map<string, FamilyType>()
  const series: Series[] = []
  let isEnded = false
  let number = 0

  function complain(why: string): void {
    note(problems, `line ${number}`, why)
  }

  function readType(line: string): void {
    const [name, type] = typeOf(line) ?? []
    if (name === undefined || type === undefined) return
    if (types.has(name)) complain(`a second type of ${name}`)
    else types.set(name, type)
  }

  function readSample(line: string): void {
    const sample = sampleOf(line, format)
    if (typeof sample === 'string') complain(sample)
    else series.push(sample)
  }

  for (let at = 0; at < text.length && !isEnded;) {
    number++
    const newline = text.indexOf('\n', at)
    const end = newline === -1 ? text.length : newline
    const line = text.charCodeAt(end - 1) === 0x0d ? text.slice(at, end - 1) : text.slice(at, end)
    at = end + 1
    const first = skipSpace(line, 0)
    if (first === line.length) continue
    if (line.charCodeAt(first) !== 0x23) readSample(line)
    else if (line === '# EOF') isEnded = format === 'openmetrics'
    else if (line.startsWith('# TYPE ')) readType(line)
  }
  for (const one of series) Object.assign(one, familyOf(one.name, types))
  const isComplete = isEnded || format === 'text'
  if (!isComplete) complain('it ends without # EOF: something may be missing')
  return { series, problems, isComplete }
}

/** `# TYPE name counter`; the name may be quoted. Types that nobody knows are as good as none. */
function typeOf(line: string): [name: string, type: FamilyType] | undefined {
  const space = line.lastIndexOf(' ')
  const written = line.slice('# TYPE '.length, space).trim()
  const name = written.startsWith('"') ? readLabels(`{${written}}`, 0)?.name : written
  const text = line.slice(space + 1)
  const type = text === 'untyped' ? 'unknown' : familyTypes.find((one) => one === text)
  return name === undefined || name === '' ? undefined : [name, type ?? 'unknown']
}

function familyOf(name: string, types: ReadonlyMap<string, FamilyType>) {
  const own = types.get(name)
  if (own !== undefined) return { family: name, type: own, ending: '' }
  for (const ending of allEndings) {
    if (!name.endsWith(ending)) continue
    const family = name.slice(0, -ending.length)
    const type = types.get(family)
    if (type && endings[type].includes(ending)) return { family, type, ending }
  }
  return { family: name, type: 'unknown' as const, ending: '' }
}

/** The series of a line, or why it is none. */
function sampleOf(line: string, format: ExpositionFormat): Series | string {
  const read = nameAndLabels(line)
  if (typeof read === 'string') return read
  const { name, labels, end } = read
  if (name === undefined || name === '') return 'no name'
  const from = skipSpace(line, end)
  const to = endOfWord(line, from)
  const value = numberOf(line.slice(from, to))
  if (value === undefined) return `"${line.slice(from, to).slice(0, 40)}" is no number`
  const timeFrom = skipSpace(line, to)
  const rest = timeFrom < line.length && line.charCodeAt(timeFrom) !== 0x23
  const timeTo = rest ? endOfWord(line, timeFrom) : timeFrom
  const timeMs = rest ? timeOf(line.slice(timeFrom, timeTo), format) : undefined
  if (rest && timeMs === undefined) return 'a time that is no number'
  const more = skipSpace(line, timeTo)
  if (more < line.length && line.charCodeAt(more) !== 0x23) return 'more behind its time'
  const plain = { name, family: name, type: 'unknown' as const, ending: '', labels, value }
  return timeMs === undefined ? plain : { ...plain, timeMs }
}

function nameAndLabels(line: string): LabelsAt | string {
  const start = skipSpace(line, 0)
  let end = start
  while (end < line.length) {
    const code = line.charCodeAt(end)
    if (code === 0x7b || code === 0x20 || code === 0x09) break
    end++
  }
  const name = line.slice(start, end)
  const open = skipSpace(line, end)
  if (line.charCodeAt(open) !== 0x7b) return { name, labels: {}, end }
  const read = readLabels(line, open)
  if (!read) return 'labels that do not end, or have no value'
  return { ...read, name: name === '' ? read.name : name }
}

const numbers: Record<string, number> = {
  '+Inf': Infinity,
  Inf: Infinity,
  '-Inf': -Infinity,
  NaN: Number.NaN,
}

function numberOf(text: string): number | undefined {
  if (text === '') return undefined
  const number = Number(text)
  if (!Number.isNaN(number)) return number
  const special = Object.keys(numbers).find((one) => one.toLowerCase() === text.toLowerCase())
  return special === undefined ? undefined : numbers[special]
}

/** Whole ms; in OpenMetrics they are written as seconds, which may have a fraction. */
function timeOf(text: string, format: ExpositionFormat): number | undefined {
  const number = numberOf(text)
  if (number === undefined || !Number.isFinite(number)) return undefined
  return format === 'openmetrics' ? Math.round(number * 1000) : number
}

function skipSpace(line: string, from: number): number {
  let at = from
  while (at < line.length && (line.charCodeAt(at) === 0x20 || line.charCodeAt(at) === 0x09)) at++
  return at
}

function endOfWord(line: string, from: number): number {
  let at = from
  while (at < line.length && line.charCodeAt(at) !== 0x20 && line.charCodeAt(at) !== 0x09) at++
  return at
}

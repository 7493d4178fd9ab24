/**
 * What a plug-in of Nagios prints: text, and behind `|` performance data.
 * https://nagios-plugins.org/doc/guidelines.html#AEN33 and https://assets.nagios.com/downloads/nagioscore/docs/nagioscore/4/en/pluginapi.html
 */
export interface CheckOutput {
  /** The first line: what a page shows. */
  summary: string
  /** The lines behind it. */
  details: string
  /** By label: seconds, bytes, percent, or what it is without a unit. */
  values: Map<string, number>
  /** Performance data that could not be understood. */
  misunderstood: string[]
}

export function parseCheckOutput(output: string): CheckOutput {
  const lines = output.replaceAll('\r', '').split('\n')
  const [summary = '', ...firstData] = (lines[0] ?? '').split('|')
  const { details, data } = splitRest(lines.slice(1))
  const perfdata = parsePerfdata([...firstData, ...data].join(' '))
  return { summary: summary.trim(), details: details.join('\n').trim(), ...perfdata }
}

/** Text goes on until a `|`; from there on all is performance data. */
function splitRest(lines: readonly string[]): { details: string[]; data: string[] } {
  const at = lines.findIndex((line) => line.includes('|'))
  if (at < 0) return { details: [...lines], data: [] }
  const [text = '', ...data] = (lines[at] as string).split('|')
  return { details: [...lines.slice(0, at), text], data: [...data, ...lines.slice(at + 1)] }
}

/** `'label with blanks'=12.5MB;80;90;0;100`; a quote in a label is doubled. */
const item = /\s*(?:'((?:[^']|'')*)'|([^\s='|]+))=(\S*)/y
const value = /^(-?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][+-]?\d+)?)([A-Za-z%]*)(?:;|$)/

/** Nagios' plug-ins count in 1,024: `check_disk` says MB and means MiB. */
const units: Readonly<Record<string, number>> = {
  '': 1,
  c: 1,
  '%': 1,
  s: 1,
  ms: 1e-3,
  us: 1e-6,
  ns: 1e-9,
  B: 1,
  KB: 1024,
  MB: 1024 ** 2,
  GB: 1024 ** 3,
  TB: 1024 ** 4,
  PB: 1024 ** 5,
}

const mostValues = 200

function parsePerfdata(text: string): Pick<CheckOutput, 'values' | 'misunderstood'> {
  const values = new Map<string, number>()
  const misunderstood: string[] = []
  let at = 0
  while (at < text.length && values.size < mostValues) {
    item.lastIndex = at
    const match = item.exec(text)
    if (!match) {
      const rest = text.slice(at).trim()
      if (rest !== '') misunderstood.push(rest.slice(0, 100))
      break
    }
    at = item.lastIndex
    const label = (match[1]?.replaceAll("''", "'") ?? match[2] ?? '').trim()
    const number = numberOf(match[3] ?? '')
    if (number === 'unknown') continue
    if (number === undefined || label === '') misunderstood.push(match[0].trim().slice(0, 100))
    else values.set(label, number)
  }
  return { values, misunderstood }
}

/** `U`: the plug-in could not find it out. */
function numberOf(text: string): number | 'unknown' | undefined {
  if (/^U(?:;|$)/.test(text)) return 'unknown'
  const [, digits, unit = ''] = value.exec(text) ?? []
  const factor = Object.hasOwn(units, unit) ? units[unit] : 1
  const number = Number(digits?.replace(',', '.')) * (factor as number)
  return Number.isFinite(number) ? number : undefined
}

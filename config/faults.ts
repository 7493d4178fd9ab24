import { Trouble } from '../pipeline/errors.ts'

/** Where in the settings, e.g. `['alerts', 0, 'for']`. */
export type Path = readonly (string | number)[]

export interface Fault {
  path: Path
  sentence: string
  /** Line in the file, from 1; absent for what the command line added. */
  line?: number
}

/** Everything that is wrong with a settings file; `faults` has one sentence each, with file, line and path. */
export class SettingsTrouble extends Trouble {
  readonly faults: readonly string[]

  constructor(faults: readonly string[]) {
    super(faults.join('\n'))
    this.name = 'SettingsTrouble'
    this.faults = faults
  }
}

/** `alerts[0].for`; keys that are no plain names stand in quotes. */
export function pathText(path: Path): string {
  let text = ''
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`
    else if (!/^[\w-]{1,60}$/.test(step)) text += `[${quoted(step)}]`
    else text += text === '' ? step : `.${step}`
  }
  return text
}

/** In double quotes, control characters escaped, cut to what fits a line. */
export function quoted(text: string): string {
  const escaped = JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text)
  return escaped.replace(
    /[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g,
    (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** `config/demo.yaml:12: alerts[0].for: expected …`, in the order of the lines. */
export function faultLines(file: string | undefined, faults: readonly Fault[]): string[] {
  const sorted = faults.toSorted((a, b) => (a.line ?? Infinity) - (b.line ?? Infinity))
  return sorted.map(({ line, path, sentence }) => {
    const place = line === undefined || !file ? 'command line' : `${file}:${line}`
    return [place, pathText(path), sentence].filter((part) => part !== '').join(': ')
  })
}

import { levels, type Level } from '../pipeline/event.ts'
import { explain } from '../pipeline/errors.ts'
import type { Identity } from '../pipeline/identity.ts'
import { ownLabel, type OwnLabel } from '../pipeline/own-label.ts'
import { parsePattern } from '../pipeline/pattern.ts'
import { whenFullWays, type WhenFull } from './when-full.ts'

/** What a service asks of its collectors, by labels. */
export interface Wishes {
  /** `mesoscope.logs`; undefined where it does not say. */
  collect: boolean | undefined
  /** `mesoscope.multiline`: whether lines are joined to events; a pattern matches the first line of each. */
  multiline: boolean | ((escaped: string) => boolean) | undefined
  /** `mesoscope.level`: that of lines which tell none. */
  level: Level | undefined
  /** `mesoscope.sample`: the share that is kept of lines below `warn`; 1 is all. */
  sample: number
  /** `mesoscope.spool`: what becomes of its lines when the spool is full. */
  whenFull: WhenFull | undefined
  /** What was not understood. */
  faults: string[]
}

const none: Wishes = {
  collect: undefined,
  multiline: undefined,
  level: undefined,
  sample: 1,
  whenFull: undefined,
  faults: [],
}
const known = new WeakMap<Record<string, string>, Wishes>()

/** Never throws: a label that is not understood is told in `faults` and changes nothing. */
export function wishesOf({ labels }: Identity): Wishes {
  if (!labels) return none
  const read = known.get(labels) ?? readWishes(labels)
  known.set(labels, read)
  return read
}

function readWishes(labels: Record<string, string>): Wishes {
  const faults: string[] = []
  function read<T>(name: OwnLabel, parse: (text: string) => T, unset: T): T {
    const text = ownLabel(labels, name)
    if (text === undefined) return unset
    try {
      return parse(text)
    } catch (error) {
      faults.push(`its label mesoscope.${name} is not understood (${explain(error)}): "${text}"`)
      return unset
    }
  }
  return {
    collect: read('logs', parseBoolean, undefined),
    multiline: read('multiline', parseMultiline, undefined),
    level: read('level', (text) => oneOf(levels, text), undefined),
    sample: read('sample', parseShare, 1),
    whenFull: read('spool', (text) => oneOf(whenFullWays, text), undefined),
    faults,
  }
}

function parseBoolean(text: string): boolean | undefined {
  if (text === 'true' || text === 'false') return text === 'true'
  throw new TypeError('true or false is expected')
}

function parseMultiline(text: string): Wishes['multiline'] {
  if (text === 'true' || text === 'false') return text === 'true'
  const pattern = parsePattern(text)
  return (escaped) => pattern.test(plain(escaped.slice(0, looked)))
}

/** So much of a line is looked at. */
const looked = 1024

function oneOf<T extends string>(known: readonly T[], text: string): T {
  const found = known.find((one) => one === text)
  if (found !== undefined) return found
  throw new TypeError(`one of ${known.join(', ')} is expected`)
}

function parseShare(text: string): number {
  const share = Number(text)
  if (text.trim() !== '' && share > 0 && share <= 1) return share
  throw new TypeError('a number above 0, up to 1, is expected')
}

/** JSON-escaped latin1 bytes as the text they are. */
function plain(escaped: string): string {
  // What is cut off may be the half of an escape.
  const whole = escaped.replace(/\\(?:u[0-9a-f]{0,3})?$/i, '')
  const bytes = whole.includes('\\') ? unescaped(whole) : whole
  return Buffer.from(bytes, 'latin1').toString('utf8')
}

function unescaped(escaped: string): string {
  try {
    return JSON.parse(`"${escaped}"`) as string
  } catch {
    return escaped
  }
}

const sampled: Partial<Record<Level, boolean>> = {
  trace: true,
  debug: true,
  info: true,
  unknown: true,
}

/** Whether a line stays. By its id alone, so that a line that is read again meets the same fate. */
export function isKept(share: number, level: Level, id: string): boolean {
  if (share >= 1 || sampled[level] !== true) return true
  let hash = 0x811c9dc5
  for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193)
  // Ids differ in their last characters most, which FNV leaves in the low bits.
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
  return ((hash ^ (hash >>> 13)) >>> 0) / 2 ** 32 < share
}

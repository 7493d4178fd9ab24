import type { Level } from '../pipeline/event.ts'
import { openFinder } from '../pipeline/finder.ts'
import { mayHide, type Needs } from '../pipeline/query-skip.ts'
import type { LogHead } from '../pipeline/record.ts'
import type { FieldSignal } from './readings.ts'
import type { Wanting } from './signal-index.ts'

/** What wants lines; with a field only those that have it. */
export interface WantingLines extends Wanting {
  field?: FieldSignal | undefined
}

/** Signals to which the level of a line says all: they want every line of these levels, or of any. */
export interface OfLevels<Signal> {
  levels: readonly Level[] | undefined
  signals: Signal[]
}

/** Gives, of the signals that look into lines, all that may want this one, each once. */
export type Candidates<Signal> = (line: string, level: Level) => readonly Signal[]

/** Signals by what they want of lines. */
export interface LineIndex<Signal> {
  ofLevels: readonly OfLevels<Signal>[]
  /** Whether a signal that looks into lines can want one of a record with these levels. */
  looksInto(levels: LogHead['levels']): boolean
  /** For the lines of this text; undefined where no signal can want one. */
  candidates(text: string): Candidates<Signal> | undefined
}

/** So few signals look for their texts faster one after the other. */
const fewSignals = 3

export function openLineIndex<Signal extends WantingLines>(
  signals: readonly Signal[],
): LineIndex<Signal> {
  const looking = signals.filter(({ query, field }) => !query.onlyLevel || field)
  const levels = levelsOfAny(looking)
  const possible = looking.length <= fewSignals ? oneByOne(looking) : atOnce(looking)
  return {
    ofLevels: ofLevels(signals.filter(({ query, field }) => query.onlyLevel && !field)),
    looksInto: (ofRecord) => looking.length > 0 && hasLevel(ofRecord, levels),
    candidates(text) {
      const ofLine = possible(text)
      if (!ofLine || !levels) return ofLine
      return (line, level) => (levels.includes(level) ? ofLine(line, level) : [])
    },
  }
}

/** Whether a record has lines of one of these levels, or of any. */
export function hasLevel(
  ofRecord: LogHead['levels'],
  levels: readonly Level[] | undefined,
): boolean {
  return levels === undefined || levels.some((level) => (ofRecord[level] ?? 0) > 0)
}

function ofLevels<Signal extends Wanting>(signals: readonly Signal[]): OfLevels<Signal>[] {
  const found = new Map<string | undefined, OfLevels<Signal>>()
  for (const signal of signals) {
    const { levels } = signal.query
    const key = levels?.toSorted().join()
    const one = found.get(key) ?? { levels, signals: [] }
    found.set(key, one)
    one.signals.push(signal)
  }
  return [...found.values()]
}

/** Undefined where one wants lines of any level. */
function levelsOfAny(signals: readonly Wanting[]): Level[] | undefined {
  const all = signals.map(({ query }) => query.levels)
  return all.includes(undefined) ? undefined : [...new Set(all.flatMap((levels) => levels ?? []))]
}

type Possible<Signal> = (text: string) => Candidates<Signal> | undefined

function oneByOne<Signal extends WantingLines>(signals: readonly Signal[]): Possible<Signal> {
  return (text) => {
    const likely = signals.filter((signal) => mayWant(signal, text))
    if (likely.length === 0) return undefined
    return (line, level) =>
      likely.filter((signal) => wantsLevel(signal, level) && mayWant(signal, line))
  }
}

/** One pass over a line finds the texts of which each signal needs one. */
function atOnce<Signal extends WantingLines>(signals: readonly Signal[]): Possible<Signal> {
  const { needingNone, byText } = byNeeds(signals)
  const find = openFinder([...byText.keys()])
  const needing = [...byText.values()]

  function likelyFor(line: string): Iterable<Signal> {
    const places = find(line)
    if (places.length === 0) return needingNone
    return new Set([...needingNone, ...places.flatMap((place) => needing[place] ?? [])])
  }

  return (text) => {
    const hides = mayHide(text)
    return (line, level) => {
      const candidates: Signal[] = []
      for (const signal of hides && mayHide(line) ? signals : likelyFor(line)) {
        if (wantsLevel(signal, level) && mayWant(signal, line)) candidates.push(signal)
      }
      return candidates
    }
  }
}

function byNeeds<Signal extends WantingLines>(signals: readonly Signal[]) {
  const needingNone: Signal[] = []
  const byText = new Map<string, Signal[]>()
  for (const signal of signals) {
    const texts = rarestNeed(signal)
    if (!texts) needingNone.push(signal)
    for (const text of texts ?? []) {
      const those = byText.get(text) ?? []
      byText.set(text, those)
      those.push(signal)
    }
  }
  return { needingNone, byText }
}

/** Texts of which one stands in the JSON of every line that the signal wants: the longest, for these are rare. */
function rarestNeed({ query, field }: WantingLines): readonly string[] | undefined {
  const needs: Needs = [
    ...query.words.map((word) => [word]),
    ...query.needs,
    ...(field?.needs ?? []),
  ]
  const lengthOf = (texts: readonly string[]) => Math.min(...texts.map(({ length }) => length))
  return needs.toSorted((one, other) => lengthOf(other) - lengthOf(one))[0]
}

function wantsLevel({ query: { levels } }: Wanting, level: Level): boolean {
  return levels === undefined || levels.includes(level)
}

/** False only where nothing in this JSON text (of one line or of many) is wanted. */
function mayWant({ query, field }: WantingLines, json: string): boolean {
  return query.mayMatch(json) && (field === undefined || field.mayHave(json))
}

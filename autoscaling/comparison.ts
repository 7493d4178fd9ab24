import stringify from 'fast-json-stable-stringify'
import type { Decision, DecisionDoc } from '../pipeline/decision.ts'
import type { Exactness } from '../pipeline/simulation.ts'
import { markOf } from './journal.ts'
import { decisionDoc } from './records.ts'
import type { Step } from './replay.ts'
import { isTried } from './turn.ts'

/** Holds what is decided along the journal against what was decided then. */
export function openComparison(from: number, to: number) {
  let decisions = 0
  let identical = 0
  let first: Exactness['first']
  /** By the id of the document: what was to be told. A process that began anew may tell the same again. */
  const news = new Map<string, Decision[]>()
  const evaluated = new Set<number>()

  function differs(found: NonNullable<Exactness['first']>) {
    if (!first || found.ts < first.ts) first = found
  }

  function noteNews({ decision, isNews }: Step) {
    if (!decision || !isNews) return
    const id = decisionDoc(decision, {})['event.id']
    news.set(id, [...(news.get(id) ?? []), decision])
  }

  /** The same may be told more than once: by a process that ended before it wrote down what it knew, then by the next. */
  function toldOf(docs: readonly DecisionDoc[]): Pick<Exactness, 'told' | 'unrecorded'> {
    const told = { decisions: 0, identical: 0 }
    let unrecorded = 0
    const within = docs.filter(({ decision: { ts } }) => ts >= from && ts <= to)
    const left = new Map(news)
    for (const [id, same] of Map.groupBy(within, (doc) => doc['event.id'])) {
      const candidates = news.get(id)
      const recorded = same.map(({ decision }) => decision)
      left.delete(id)
      if (!candidates && recorded.every(isLastWord)) {
        unrecorded += recorded.length
        continue
      }
      told.decisions++
      const texts = new Set(candidates?.map((one) => stringify(one)))
      const others = recorded.filter((one) => !texts.has(stringify(one)))
      const [first] = others
      if (first && (others.length === recorded.length || !others.every(isLastWord))) {
        differs({ ts: first.ts, recorded: first, ...simulatedOf(candidates) })
      } else {
        told.identical++
        unrecorded += others.length
      }
    }
    for (const [simulated] of left.values()) {
      if (!simulated) continue
      told.decisions++
      differs({ ts: simulated.ts, simulated })
    }
    return { told, unrecorded }
  }

  /** It may be what a process told that ended before it wrote down what it knew: that goes to the journal last. */
  const isLastWord = (decision: Decision) => !evaluated.has(decision.ts) || isTried(decision)

  return {
    evaluated(step: Step) {
      const { at, decision, mark, isBusy } = step
      if (at) evaluated.add(at.ts)
      noteNews(step)
      // Without a policy there was nothing to decide.
      if (!at || isBusy || (mark === undefined && !decision)) return
      decisions++
      if ((decision ? markOf(decision) : 0) === mark) identical++
      else differs({ ts: at.ts, ...(decision ? { simulated: decision } : {}) })
    },
    answered: noteNews,
    result(docs: readonly DecisionDoc[]): Exactness {
      const { told, unrecorded } = toldOf(docs)
      return { decisions, identical, told, unrecorded, ...(first ? { first } : {}) }
    },
  }
}

const simulatedOf = ([simulated]: readonly Decision[] = []) => (simulated ? { simulated } : {})

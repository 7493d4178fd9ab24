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

  function toldOf(docs: readonly DecisionDoc[]): Pick<Exactness, 'told' | 'unrecorded'> {
    const told = { decisions: 0, identical: 0 }
    let unrecorded = 0
    const left = new Map(news)
    for (const { 'event.id': id, decision } of docs) {
      if (decision.ts < from || decision.ts > to) continue
      const candidates = news.get(id)
      left.delete(id)
      // What it knew goes to the journal last, and it ended before that.
      if (!candidates && (!evaluated.has(decision.ts) || isTried(decision))) {
        unrecorded++
        continue
      }
      told.decisions++
      const simulated = candidates?.find((one) => stringify(one) === stringify(decision))
      if (simulated) told.identical++
      else differs({ ts: decision.ts, recorded: decision, ...simulatedOf(candidates) })
    }
    for (const [simulated] of left.values()) {
      if (!simulated) continue
      told.decisions++
      differs({ ts: simulated.ts, simulated })
    }
    return { told, unrecorded }
  }

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

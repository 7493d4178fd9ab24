/**
 * What becomes of a service at an evaluation, and of what is remembered of it by whatever happens in between. Pure: the same
 * live and in simulations, so that what was recorded gives the same again.
 */
import type { Decision } from '../pipeline/decision.ts'
import { backoffAfter } from './backoff.ts'
import { afterChange } from './changes.ts'
import { notUpdated } from './conditions.ts'
import { decide, type DecideInput } from './decide.ts'
import type { Refusal, ScaleResult } from './marathon.ts'
import { wordOf, type InFlight, type ServiceMemory } from './memory.ts'
import { span } from './words.ts'

/** Decisions that say the same as before are told at least so often, ms. */
const summaryEveryMs = 600_000
/** After a look that showed another state than was known: until that is known, ms. */
const lookAgainMs = 5000
/** So long what is remembered of an app outlives it, ms. */
const goneAfterMs = 24 * 3_600_000

/** What is to be done: tell and remember; send a change; or find out first what became of the one before. */
export type Turn =
  | { act: 'note' | 'send'; decision: Decision; memory: ServiceMemory }
  | { act: 'recover'; decision: Decision; inFlight: InFlight }

export function turnOf(input: DecideInput): Turn {
  const { memory, nowMs } = input
  const { inFlight } = memory
  const { decision, memory: after } = decide(input)
  if (inFlight?.answered === false) {
    // First of all what became of it. While Marathon is away nobody can tell, and that is told.
    if (decision.reason === 'stale-state') return { act: 'note', decision, memory }
    return { act: 'recover', decision, inFlight }
  }
  if (decision.outcome !== 'scaled') return { act: 'note', decision, memory: after }
  const sent: InFlight = { sentMs: nowMs, decision, answered: false }
  return { act: 'send', decision, memory: { ...after, inFlight: sent } }
}

export interface Noted {
  memory: ServiceMemory
  /** It is to be told. */
  isNews: boolean
}

/** What is remembered with a decision. */
export function noted(decision: Decision, memory: ServiceMemory): Noted {
  const { ts, outcome } = decision
  const word = wordOf(decision)
  const { told } = memory
  const isNews = told?.word !== word || ts - told.ts >= summaryEveryMs || isTried(decision)
  return {
    isNews,
    memory: {
      ...memory,
      ...(isNews ? { told: { word, ts } } : {}),
      ...(outcome === 'scaled' || outcome === 'would-scale' ? { lastChange: decision } : {}),
    },
  }
}

/** Marathon was asked for it. */
export const isTried = ({ outcome }: Pick<Decision, 'outcome'>) =>
  outcome === 'scaled' || outcome === 'failed'

/** What Marathon answered to a decision. */
export interface Settlement {
  result: ScaleResult
  nowMs: number
  /** From 0 to 1. */
  random: number
}

/** The decision as it is to be told once Marathon has answered, and what is remembered with it. */
export function settled(
  decision: Decision,
  { inFlight: sent, backoff, ...memory }: ServiceMemory,
  { result, nowMs, random }: Settlement,
): { decision: Decision; memory: ServiceMemory } {
  if (result.done) {
    const done = { ...decision, answer: result.answer }
    const inFlight: InFlight = { sentMs: nowMs, decision: done, answered: true }
    return { decision: done, memory: { ...afterChange(memory, decision, nowMs), inFlight } }
  }
  const next =
    result.outcome === 'held'
      ? { untilMs: nowMs + lookAgainMs, failures: backoff?.failures ?? 0 }
      : backoffAfter(result, backoff, nowMs, random)
  const { untilMs, failures } = next
  const { reason, because } = result
  // Whether it was done is found out as after a restart.
  const open = result.isUnknown && sent ? { inFlight: sent } : {}
  return {
    decision: refused(decision, result, untilMs - nowMs),
    memory: { ...memory, ...open, backoff: { untilMs, failures, reason, because } },
  }
}

/** A change that was found not to be done: it is decided anew. */
export function withoutInFlight({ inFlight: _gone, ...memory }: ServiceMemory): ServiceMemory {
  return memory
}

/** What was set by hand is scaled again. */
export function withoutOverride({ override: _gone, ...memory }: ServiceMemory): ServiceMemory {
  return memory
}

/** Whether nobody wants it scaled any more, or there is no such app since a day: it is not only Marathon that is away. */
export function isForgotten(
  { told }: ServiceMemory,
  { isWanted, hasState, ts }: { isWanted: boolean; hasState: boolean; ts: number },
): boolean {
  return !isWanted && (hasState || ts - (told?.ts ?? ts) > goneAfterMs)
}

function refused(decision: Decision, refusal: Refusal, waitMs: number): Decision {
  const { outcome, reason, because, answer } = refusal
  const { from, to } = decision
  const said =
    outcome === 'failed'
      ? `could not scale ${from} → ${to}: ${because}; next try in ${span(waitMs)}`
      : `did not scale ${from} → ${to}: ${because}`
  const step = { step: outcome === 'failed' ? 'answer' : 'fresh look', before: to, after: from }
  const steps = [...decision.steps.slice(0, -1), { ...step, why: because }]
  const conditions = notUpdated(decision.conditions, because)
  return {
    ...decision,
    ...(conditions ? { conditions } : {}),
    outcome,
    reason,
    message: said,
    to: from,
    steps: [...steps, { step: 'outcome', before: from, after: from, why: because }],
    ...(answer ? { answer } : {}),
  }
}

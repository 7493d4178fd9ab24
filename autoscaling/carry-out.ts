import type { Clock } from '../pipeline/clock.ts'
import type { Decision } from '../pipeline/decision.ts'
import type { HttpClient } from '../pipeline/http.ts'
import type { Logger } from '../pipeline/log.ts'
import { backoffAfter } from './backoff.ts'
import { afterChange } from './changes.ts'
import { notUpdated } from './conditions.ts'
import { openLanes } from './lanes.ts'
import type { Ledger } from './ledger.ts'
import { readApp, scale, type Refusal, type ScaleResult } from './marathon.ts'
import type { InFlight, ServiceMemory } from './memory.ts'
import { span } from './words.ts'

export interface CarryOutOptions {
  ledger: Ledger
  /** The client of the Marathon that has the service; undefined where none is set up. */
  http: (service: string) => HttpClient | undefined
  clock: Clock
  log: Logger
  /** From 0 to 1. */
  random: () => number
}

/** So many requests at once. */
const lanes = 8
/** After a look that showed another state than was known: until that is known, ms. */
const lookAgainMs = 5000

/** Carries decisions out, one at a time for each service, and remembers what became of them. */
export function openCarryOut({ ledger, http, clock, log, random }: CarryOutOptions) {
  const busy = new Map<string, Promise<void>>()
  const inLane = openLanes(lanes)

  function begin(service: string, task: () => Promise<void>) {
    const settled = inLane(task)
      .catch((error: unknown) => log.error({ service, error }, 'a change was not carried out'))
      .finally(() => busy.delete(service))
    busy.set(service, settled)
    // What became of it is known from now on, and soon on the bus.
    void settled.then(() => ledger.flush())
  }

  async function carryOut(decision: Decision): Promise<void> {
    const { service, from, to } = decision
    const client = http(service)
    const result = client ? await scale(client, { service, from, to }) : noClient()
    log.info({ service, from, to, result }, 'instances were to be changed')
    settle(decision, result)
  }

  function settle(decision: Decision, result: ScaleResult) {
    const { inFlight: _sent, backoff, ...memory } = ledger.memoryOf(decision.service)
    const nowMs = clock.now()
    if (result.done) {
      const done = { ...decision, answer: result.answer }
      const inFlight: InFlight = { sentMs: nowMs, decision: done, answered: true }
      return ledger.note(done, { ...afterChange(memory, decision, nowMs), inFlight })
    }
    const next =
      result.outcome === 'held'
        ? { ...result, untilMs: nowMs + lookAgainMs, failures: backoff?.failures ?? 0 }
        : backoffAfter(result, backoff, nowMs, random())
    const { untilMs, failures } = next
    const { reason, because } = result
    const kept: ServiceMemory = { ...memory, backoff: { untilMs, failures, reason, because } }
    ledger.note(refused(decision, result, untilMs - nowMs), kept)
  }

  /** A process ended before the answer was written down: what is there tells whether it was done. */
  async function recover({ decision }: InFlight): Promise<void> {
    const { service, to } = decision
    const client = http(service)
    const found = client ? await readApp(client, service) : noClient()
    if (!('done' in found) && found.instances === to) {
      log.info({ service, to }, 'a change that was sent before a restart was carried out')
      const message = 'found done after a restart'
      settle(decision, { done: true, answer: { message } })
    } else if (!('done' in found) || found.lasting) {
      const { inFlight: _gone, ...memory } = ledger.memoryOf(service)
      ledger.remember(memory)
    }
  }

  return {
    isBusy: (service: string) => busy.has(service),
    /** Remembers that it is sent, before it is; it is sent once that is on the bus and `start` is called. */
    intend(decision: Decision, memory: ServiceMemory): () => void {
      const inFlight = { sentMs: clock.now(), decision, answered: false }
      ledger.remember({ ...memory, inFlight })
      return () => begin(decision.service, () => carryOut(decision))
    },
    recover(inFlight: InFlight) {
      begin(inFlight.decision.service, () => recover(inFlight))
    },
    /** Waits for what is under way; `flush` of the ledger writes it. */
    async close() {
      await Promise.all(busy.values())
    },
  }
}

export type CarryOut = ReturnType<typeof openCarryOut>

function noClient(): Refusal {
  return {
    done: false,
    outcome: 'failed',
    reason: 'marathon-away',
    because: 'no connection to its Marathon is set up',
    lasting: true,
  }
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

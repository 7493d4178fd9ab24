import type { Clock } from '../pipeline/clock.ts'
import type { Decision } from '../pipeline/decision.ts'
import type { HttpClient } from '../pipeline/http.ts'
import type { Logger } from '../pipeline/log.ts'
import type { ScalingPause } from '../pipeline/scaling-desk.ts'
import type { Journal } from './journal-writer.ts'
import { openLanes } from './lanes.ts'
import type { Ledger } from './ledger.ts'
import { readApp, scale, type Change, type Refusal, type ScaleResult } from './marathon.ts'
import type { InFlight, ServiceMemory } from './memory.ts'
import { pauseWords } from './pause.ts'
import { settled, withoutInFlight, type Settlement } from './turn.ts'
import { span } from './words.ts'

export interface CarryOutOptions {
  ledger: Ledger
  journal: Journal
  /** The client of the Marathon that has the service; undefined where none is set up. */
  http: (service: string) => HttpClient | undefined
  /** What keeps it from being changed by now. */
  pauseAgainst: (change: Change) => ScalingPause | undefined
  clock: Clock
  log: Logger
  /** From 0 to 1. */
  random: () => number
}

/** So many requests at once. */
const lanes = 8
/** What was decided earlier than so long ago is decided anew, ms. */
const actWithinMs = 60_000

/** Carries decisions out, one at a time for each service, and remembers what became of them. */
export function openCarryOut(options: CarryOutOptions) {
  const { ledger, journal, http, clock, log, random } = options
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

  /** Where the bus was away or Marathon is slow it waited: the load may be another by now, and somebody may have paused it. */
  async function carryOut(decision: Decision, decidedMs: number): Promise<void> {
    const { service, from, to } = decision
    const client = http(service)
    const change = { service, from, to }
    const heldBack = () => tooOld(clock.now() - decidedMs) ?? heldBy(options.pauseAgainst(change))
    const result = client ? await scale(client, change, heldBack) : noClient()
    log.info({ service, from, to, result }, 'instances were to be changed')
    settle(decision, result)
  }

  function settle(decision: Decision, result: ScaleResult) {
    const { service } = decision
    const settlement: Settlement = { result, nowMs: clock.now(), random: random() }
    journal.note({ kind: 'settled', service, ...settlement })
    const told = settled(decision, ledger.memoryOf(service), settlement)
    ledger.note(told.decision, told.memory)
  }

  /** A process ended before the answer was written down, or there was none: what is there tells whether it was done. */
  async function recover({ decision }: InFlight): Promise<void> {
    const { service, to } = decision
    const client = http(service)
    const found = client ? await readApp(client, service) : noClient()
    if (!('done' in found) && found.instances === to) {
      log.info({ service, to }, 'a change of which no answer was known was carried out')
      const message = 'found done when it was looked again'
      settle(decision, { done: true, answer: { message } })
    } else if (!('done' in found) || found.lasting) {
      journal.note({ kind: 'undone', service })
      ledger.remember(withoutInFlight(ledger.memoryOf(service)))
    }
  }

  return {
    isBusy: (service: string) => busy.has(service),
    /** Remembers that it is sent, before it is; it is sent once that is on the bus and `start` is called. */
    intend(decision: Decision, memory: ServiceMemory): () => void {
      ledger.remember(memory)
      const decidedMs = clock.now()
      return () => begin(decision.service, () => carryOut(decision, decidedMs))
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

function tooOld(ageMs: number): Refusal | undefined {
  if (ageMs <= actWithinMs) return undefined
  const because = `it was decided ${span(ageMs)} ago, too long to act on`
  return { done: false, outcome: 'held', reason: 'stale-state', because, lasting: false }
}

function heldBy(pause: ScalingPause | undefined): Refusal | undefined {
  if (!pause) return undefined
  const because = pauseWords(pause)
  return { done: false, outcome: 'held', reason: 'paused', because, lasting: false }
}

function noClient(): Refusal {
  return {
    done: false,
    outcome: 'failed',
    reason: 'marathon-away',
    because: 'no connection to its Marathon is set up',
    lasting: true,
  }
}

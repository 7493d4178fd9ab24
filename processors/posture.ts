import stringify from 'fast-json-stable-stringify'
import type { Bus, BusRecord, ProducedRecord, Topic } from '../pipeline/bus/bus.ts'
import { openLeader } from '../pipeline/bus/leader.ts'
import { pause, type Clock } from '../pipeline/clock.ts'
import { explain } from '../pipeline/errors.ts'
import type { ChangeDoc } from '../pipeline/event.ts'
import type { Logger } from '../pipeline/log.ts'
import type { Metrics } from '../pipeline/metrics.ts'
import { findingsKey, readServicePosture, type ServicePosture } from '../pipeline/posture.ts'
import { postureChanges } from './posture/changes.ts'
import { hold } from './posture/hold.ts'
import { openToldPostures } from './posture/told.ts'

export interface PosturesOptions {
  bus: Bus
  clock: Clock
  metrics: Metrics
  log: Logger
  /** A service is judged when nothing new came of it for so long, ms; 10 s unless set. */
  settleMs?: number
}

/** Of a service that never comes to rest, a new judgement at least so often: in times of `settleMs`. */
const restless = 3
const pollMs = 50
const retryMs = 1000
/** Services that are judged and written together. */
const maxAtOnce = 500
/** Collectors tell what is still so each six hours. */
const silentMs = 24 * 3_600_000
const sweepMs = 60_000
const readLimits = { maxBytes: 2 ** 20 }

/** What is written of a service: changes stand in it until they are told, so that a kill in between neither loses nor invents any. */
type Stored = ServicePosture & { untold?: ChangeDoc[]; over?: boolean }

/**
 * Makes findings of services out of the postures of their containers and apps: the compacted topic `posture` in, the
 * compacted topic `findings` and changes of kind `posture` out. Of several processes one does it at a time.
 */
export function openPostures(options: PosturesOptions) {
  let trouble: string | undefined
  const leader = openLeader({
    bus: options.bus,
    topic: 'findings',
    log: options.log,
    lead: (bus) => openJudge({ ...options, bus, tell: (told) => (trouble = told) }),
  })
  return {
    trouble: () => leader.trouble() ?? trouble,
    close: () => leader.close(),
  }
}

/** When something came of a service since it was judged, ms; `newestMs` by the bus. */
interface Waiting {
  sinceMs: number
  lastMs: number
  newestMs: number
}

type JudgeOptions = PosturesOptions & { tell(trouble: string | undefined): void }

async function openJudge(options: JudgeOptions) {
  const { bus, clock, metrics, log, tell, settleMs = 10_000 } = options
  const stop = new AbortController()
  const told = openToldPostures()
  const waiting = new Map<string, Waiting>()
  const stored = await readStored(bus)
  const { latest, ends } = await bus.snapshot('posture')
  for (const record of latest.values()) take(record)
  for (const [service, { heardMs }] of stored) if (!waiting.has(service)) wait(service, heardMs)
  let sweptMs = clock.now()
  let mayBeUntold = true

  function take(record: BusRecord): void {
    try {
      for (const service of told.take(record)) wait(service, record.time)
    } catch (error) {
      metrics.malformed_postures_total.inc()
      log.warn({ key: record.key, reason: explain(error) }, 'a posture was not understood: skipped')
    }
  }

  function wait(service: string, timeMs: number): void {
    const nowMs = clock.now()
    const { sinceMs = nowMs, newestMs = 0 } = waiting.get(service) ?? {}
    waiting.set(service, { sinceMs, lastMs: nowMs, newestMs: Math.max(newestMs, timeMs) })
  }

  async function readNew(): Promise<void> {
    for (const [partition, offset] of ends.entries()) {
      const batch = await bus.read('posture', partition, offset, readLimits)
      for (const record of batch.records) take(record)
      ends[partition] = batch.next
    }
  }

  async function judgeDue(): Promise<void> {
    const nowMs = clock.now()
    const isDue = ({ sinceMs, lastMs }: Waiting) =>
      nowMs - lastMs >= settleMs || nowMs - sinceMs >= restless * settleMs
    const due = [...waiting].filter(([, one]) => isDue(one)).slice(0, maxAtOnce)
    // What an earlier life of ours, or a failure, has left.
    await tellUntold()
    await write(due.flatMap(([service, { newestMs }]) => judge(service, newestMs) ?? []))
    await tellUntold()
    for (const [service] of due) waiting.delete(service)
  }

  /** What is to be written; undefined where nothing is new. */
  function judge(service: string, newestMs: number): Stored | undefined {
    const before = stored.get(service)
    const now = told.of(service)
    if (now.length === 0 && !before) return undefined
    const isOver = now.length === 0 && (before?.app === true || isSilent(before))
    // What left while nobody was here has left no record.
    const isUnheard = before !== undefined && (isOver || newestMs <= before.heardMs)
    const atMs = isUnheard ? clock.now() : newestMs
    const held = hold(service, now, before, atMs)
    const after: Stored = isOver ? { ...held, findings: {}, over: true } : held
    const untold = postureChanges(before, after, atMs)
    if (isOver || untold.length > 0) return { ...after, untold }
    return isSame(before, after) ? undefined : after
  }

  function isSilent(before: ServicePosture | undefined): boolean {
    return before !== undefined && clock.now() - before.heardMs >= silentMs
  }

  async function write(states: readonly Stored[]): Promise<void> {
    mayBeUntold ||= states.some(({ untold }) => untold !== undefined)
    await put('findings', states.map(recordOf))
    for (const state of states) stored.set(state.service, state)
  }

  async function tellUntold(): Promise<void> {
    if (!mayBeUntold) return
    const states = [...stored.values()].filter(({ untold }) => untold !== undefined)
    await put(
      'changes',
      states.flatMap(({ service: key, untold = [] }) =>
        untold.map((doc) => ({ key, value: Buffer.from(JSON.stringify(doc)) })),
      ),
    )
    const told = states.map(({ untold: _untold, ...state }) => state)
    await put('findings', told.map(recordOf))
    for (const state of told) {
      if (state.over) stored.delete(state.service)
      else stored.set(state.service, state)
    }
    mayBeUntold = false
  }

  async function put(topic: Topic, records: readonly ProducedRecord[]): Promise<void> {
    if (records.length > 0) await bus.produce(topic, records)
  }

  /** Who told of these is gone for good; and of these services nothing has been told for a day. */
  async function sweep(): Promise<void> {
    const nowMs = clock.now()
    if (nowMs - sweptMs < sweepMs) return
    sweptMs = nowMs
    const old = told.olderThan(nowMs - silentMs)
    const value = new Uint8Array()
    await put(
      'posture',
      old.map((key) => ({ key, value })),
    )
    for (const [service, state] of stored) {
      if (told.of(service).length === 0 && isSilent(state)) wait(service, nowMs)
    }
  }

  async function run(): Promise<void> {
    while (!stop.signal.aborted) {
      try {
        await readNew()
        await judgeDue()
        await sweep()
        tell(undefined)
        await pause(pollMs, stop.signal)
      } catch (error) {
        if (stop.signal.aborted) return
        tell(`findings of postures cannot be told: ${explain(error)}`)
        log.error({ error: explain(error) }, 'findings of postures wait for the bus')
        await pause(retryMs, stop.signal)
      }
    }
  }

  const running = run()
  return {
    async close() {
      stop.abort()
      await running
      tell(undefined)
    },
  }
}

/** An empty value, once all is told of what is over. */
function recordOf(state: Stored): ProducedRecord {
  const isForgotten = state.over === true && state.untold === undefined
  const value = isForgotten ? new Uint8Array() : Buffer.from(JSON.stringify(state))
  return { key: findingsKey(state.service), value }
}

async function readStored(bus: Bus): Promise<Map<string, Stored>> {
  const { latest } = await bus.snapshot('findings')
  const all = [...latest.values()].flatMap(({ value }) => readServicePosture(value) ?? [])
  return new Map(all.map((state) => [state.service, state]))
}

function isSame(before: Stored | undefined, after: ServicePosture): boolean {
  return (
    before !== undefined &&
    stringify({ ...before, heardMs: 0 }) === stringify({ ...after, heardMs: 0 })
  )
}

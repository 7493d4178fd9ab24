import { pause, type Clock } from '../pipeline/clock.ts'
import { errorCode, explain } from '../pipeline/errors.ts'
import type { Lag } from '../pipeline/health.ts'
import { unresolvedService } from '../pipeline/identity.ts'
import type { Logger } from '../pipeline/log.ts'
import type { Metrics } from '../pipeline/metrics.ts'
import type { Collected, Sink } from './sink.ts'

/** One thing that is read: a container's file, a container over the API, a plain file. Times are ms. */
export interface Input {
  /** Reads at most one chunk into its assemblers; true if there is more at once. May throw: it is tried again. */
  read(buffer: Buffer, nowMs: number): Promise<boolean>
  /** What is ready, with the position behind it; with `force` everything. Undefined if nothing is. */
  take(nowMs: number, force: boolean): Collected | undefined
  /** Everything written to it before this time has been read (though not yet taken). */
  readThrough(): number
  /** When the oldest text that was read and not taken was read; undefined if there is none. */
  waitingSince(): number | undefined
  /** True once nothing more can come: it is taken by force, closed and dropped. */
  ended(): boolean
  /** What is wrong with it, if it is not by throwing. */
  trouble?(): string | undefined
  /** Whose it is. */
  service?(): string | undefined
  close(): void
}

export interface PumpOptions {
  name: string
  sink: Sink
  clock: Clock
  metrics: Metrics
  log: Logger
  /** Finds inputs and drops them; false if it could not look everywhere. Does not reject. */
  discover(nowMs: number): Promise<boolean>
  discoverMs?: number
  /** How long to wait when nothing is to be read. */
  idleMs(): number
}

export interface Pump {
  inputs: Map<string, Input>
  /** Appended with what is read next. */
  put(collected: Collected): void
  /** Reads again at once; with `rediscover` looks for inputs before. */
  wake(rediscover?: boolean): void
  through(): number
  trouble(): string | undefined
  lags(): Lag[]
  close(): Promise<void>
}

const chunkBytes = 1024 * 1024
/** An input that cannot be read holds back what `through` says no longer than this: the others go on without it. */
const failingMs = 30_000
/** Closing waits so long for a sink that is blocked; what it did not take is read again after the next start. */
const closingMs = 3_000
/** Reading a chunk takes longer only where a disk or a daemon does not answer. */
const stuckMs = 10_000
/** Who is not further behind has merely just been written to. */
const leastLagMs = 2_000
/** So much is read before it is appended, however many inputs are busy. */
const batchBytes = 4 * chunkBytes

/** Reads all inputs in turn, a chunk of each, and appends what is ready, until it is closed. */
export function openPump(options: PumpOptions): Pump {
  const { name, sink, clock, metrics, log, discover, discoverMs = 1000, idleMs } = options
  const inputs = new Map<string, Input>()
  const buffer = Buffer.allocUnsafe(chunkBytes)
  const stopping = new AbortController()
  const failures = new Map<string, { told: string; sinceMs: number }>()
  /** Of inputs of which something waits: when it was read, and how far the input had been read before. */
  const reads = new Map<string, { readMs: number; beforeMs: number }[]>()
  let batch: Collected = {}
  let unappended = 0
  let appending: Promise<boolean> = Promise.resolve(true)
  const givenUp = Promise.withResolvers<false>()
  let sinkTrouble: string | undefined
  let rediscover = true
  let discoveredMs = 0
  let throughMs = 0
  /** When inputs were met: one that was just found is not behind. */
  const metMs = new WeakMap<Input, number>()
  let resting: AbortController | undefined
  let woken = false
  /** What is being read, and since when. */
  let reading: { key: string; sinceMs: number } | undefined

  /** False if it was given up because we are closed. */
  async function append(taken: Collected): Promise<boolean> {
    while (!(stopping.signal.aborted && sinkTrouble)) {
      try {
        const done = sink.append(taken).then(() => true)
        if (!(await Promise.race([done, givenUp.promise]))) return false
        sinkTrouble = undefined
        countAppended(taken)
        return true
      } catch (error) {
        sinkTrouble = `${name}: what was read cannot be stored: ${explain(error)}`
        log.error({ err: error, collector: name }, 'the spool refused a batch; trying again')
        await pause(1000, stopping.signal)
      }
    }
    return false
  }

  function countAppended({ records = [], dead = [], changes = [] }: Collected) {
    const lines = records.reduce((sum, { head }) => sum + head.count, 0)
    if (lines > 0) metrics.collected_lines_total.inc({ collector: name }, lines)
    const gaps = changes.filter((change) => change['event.kind'] === 'gap').length
    if (gaps > 0) metrics.gaps_total.inc({ collector: name }, gaps)
    if (dead.length > 0) metrics.dead_letters_total.inc({ stage: 'collect' }, dead.length)
  }

  /** Appends what was taken while reading goes on; one batch at a time. */
  async function flush() {
    await appending
    if (Object.keys(batch).length === 0) return
    const taken = batch
    batch = {}
    unappended = 0
    appending = append(taken)
  }

  async function step(key: string, input: Input, nowMs: number): Promise<boolean> {
    let more = false
    const beforeMs = input.readThrough()
    reading = { key, sinceMs: nowMs }
    try {
      more = await input.read(buffer, nowMs)
      note(key, input.trouble?.(), nowMs)
    } catch (error) {
      if (!failures.has(key)) log.warn({ err: error, collector: name, input: key }, 'cannot read')
      note(key, unreadable(key, error), nowMs)
    }
    reading = undefined
    const ended = input.ended()
    merge(batch, input.take(clock.now(), ended))
    if (input.waitingSince() === undefined) reads.delete(key)
    else noteRead(key, { readMs: nowMs, beforeMs })
    if (ended) drop(key, input)
    return more && !ended
  }

  function noteRead(key: string, read: { readMs: number; beforeMs: number }) {
    const before = reads.get(key)
    if (before) before.push(read)
    else reads.set(key, [read])
  }

  function note(key: string, told: string | undefined, nowMs: number) {
    if (told === undefined) failures.delete(key)
    else failures.set(key, { told, sinceMs: failures.get(key)?.sinceMs ?? nowMs })
  }

  function drop(key: string, input: Input) {
    input.close()
    inputs.delete(key)
    failures.delete(key)
    reads.delete(key)
  }

  async function pass(): Promise<boolean> {
    const startMs = clock.now()
    if (rediscover || startMs - discoveredMs >= discoverMs) {
      rediscover = false
      if (await discover(startMs)) discoveredMs = startMs
    }
    let busy = false
    for (const [key, input] of inputs) {
      if (stopping.signal.aborted) break
      if (!metMs.has(input)) metMs.set(input, startMs)
      const more = await step(key, input, clock.now())
      busy ||= more
      unappended += more ? chunkBytes : 0
      if (unappended >= batchBytes) await flush()
    }
    const reached = reachedMs()
    await flush()
    if (!busy) await appending
    // Not before it is on disk.
    void appending.then((isAppended) => {
      if (isAppended) throughMs = Math.max(throughMs, reached)
    })
    return busy
  }

  function reachedMs(): number {
    let reached = discoveredMs
    for (const [key, input] of inputs) {
      if (isGivenUp(key)) continue
      reached = Math.min(reached, input.readThrough(), writtenAfter(key, input.waitingSince()))
    }
    return reached
  }

  /** What was read late waits, but was written before that. */
  function writtenAfter(key: string, waitingSince: number | undefined): number {
    if (waitingSince === undefined) return Infinity
    const waiting = reads.get(key) ?? []
    while (waiting[0] && waiting[0].readMs < waitingSince) waiting.shift()
    return Math.min(waitingSince, waiting[0]?.beforeMs ?? Infinity)
  }

  function isGivenUp(key: string): boolean {
    const failure = failures.get(key)
    return failure !== undefined && clock.now() - failure.sinceMs >= failingMs
  }

  function stuck(): string | undefined {
    const forMs = reading ? clock.now() - reading.sinceMs : 0
    if (!reading || forMs < stuckMs) return undefined
    return `${reading.key} has not been answered for ${Math.round(forMs / 1000)} s, and all others wait behind it: look at its disk or daemon`
  }

  function lags(): Lag[] {
    const nowMs = clock.now()
    return [...inputs].flatMap(([key, input]) => {
      if (!metMs.has(input)) metMs.set(input, nowMs)
      const throughMs = Math.min(input.readThrough(), input.waitingSince() ?? Infinity)
      const trouble = failures.get(key)?.told
      const behindMs = nowMs - Math.max(throughMs, metMs.get(input) as number)
      if (behindMs < leastLagMs && trouble === undefined) return []
      return {
        service: input.service?.() ?? unresolvedService,
        input: key,
        seconds: Math.round(behindMs / 1000),
        ...(trouble === undefined ? {} : { trouble }),
      }
    })
  }

  async function rest() {
    if (woken) return void (woken = false)
    resting = new AbortController()
    const either = AbortSignal.any([resting.signal, stopping.signal])
    await pause(idleMs(), either)
    resting = undefined
    woken = false
  }

  async function run() {
    while (!stopping.signal.aborted) {
      const busy = await pass()
      if (!busy) await rest()
    }
    for (const [key, input] of inputs) {
      merge(batch, input.take(clock.now(), true))
      drop(key, input)
    }
    await flush()
    await appending
  }

  // Not before the caller has this pump in its hands: discovering uses it.
  const running = Promise.resolve().then(run)
  return {
    inputs,
    put: (collected) => merge(batch, collected),
    wake(again = false) {
      rediscover ||= again
      woken = true
      resting?.abort()
    },
    through: () => throughMs,
    trouble: () => sinkTrouble ?? stuck() ?? failures.values().next().value?.told,
    lags,
    async close() {
      stopping.abort()
      const timer = setTimeout(() => givenUp.resolve(false), closingMs)
      await running.finally(() => clearTimeout(timer))
    },
  }
}

/** Adds what was taken of one input to the batch; positions of one input come in order. */
export function merge(batch: Collected, more: Collected | undefined): void {
  if (!more) return
  if (more.records?.length) (batch.records ??= []).push(...more.records)
  if (more.changes?.length) (batch.changes ??= []).push(...more.changes)
  if (more.dead?.length) (batch.dead ??= []).push(...more.dead)
  if (more.samples?.length) (batch.samples ??= []).push(...more.samples)
  if (more.identities?.length) (batch.identities ??= []).push(...more.identities)
  if (more.tasks?.length) (batch.tasks ??= []).push(...more.tasks)
  if (more.services?.length) (batch.services ??= []).push(...more.services)
  if (more.postures?.length) (batch.postures ??= []).push(...more.postures)
  if (more.positions) Object.assign((batch.positions ??= {}), more.positions)
}

const remedies: Record<string, string> = {
  EACCES: 'run as a user who may read it',
  EPERM: 'run as a user who may read it',
  EMFILE: 'raise the limit of open files (ulimit -n)',
  ENFILE: 'raise the limit of open files of this machine',
  ENOSPC: 'free space in the directory of temporary files',
}

function unreadable(key: string, error: unknown): string {
  const remedy = remedies[errorCode(error) ?? ''] ?? 'look at the file and its disk'
  return `${key} cannot be read (${explain(error)}): ${remedy}; it is tried again`
}

import type { Batch, Bus } from '../pipeline/bus/bus.ts'
import { pause, type Clock } from '../pipeline/clock.ts'
import { explain } from '../pipeline/errors.ts'
import type { Identity } from '../pipeline/identity.ts'
import type { HttpClient } from '../pipeline/http.ts'
import type { Logger } from '../pipeline/log.ts'
import type { Metrics } from '../pipeline/metrics.ts'
import { openPatience } from '../pipeline/patience.ts'
import { scalingFault } from '../pipeline/scaling-signal.ts'
import type { MarathonState, ServiceState } from '../pipeline/service-state.ts'
import { openSignalGrid, type SignalGrid } from '../pipeline/signal-grid.ts'
import { withRead } from '../pipeline/signal-derived.ts'
import { declarationsHash, type SignalDeclarations } from '../pipeline/signals.ts'
import { openCarryOut } from './carry-out.ts'
import { gapAfter, shortestGapMs } from './gap.ts'
import { openJournal } from './journal-writer.ts'
import { openLedger, type Ledger } from './ledger.ts'
import { pauseAgainst } from './pause.ts'
import { openPauses } from './pauses.ts'
import type { Policies, PolicyDeclaration } from './policy.ts'
import { readingsAt } from './reading.ts'
import { decodeAll, encode, progressKey, type ScalingRecords } from './records.ts'
import { openRound, type Moment } from './round.ts'
import { openSilent } from './silent.ts'
import { span } from './words.ts'

export interface ControllerOptions {
  bus: Bus
  /** All that are declared; those that cannot be scaled on are left out. */
  signals: SignalDeclarations
  settings: ScalingSettings
  /** As Marathon tells them. */
  services: () => readonly ServiceState[]
  marathons: () => readonly MarathonState[]
  /** The client of a Marathon, by the name of its collector. */
  http: (marathon: string) => HttpClient | undefined
  /** Why lines may be missing without a sign of it: a collector that is in trouble, in one sentence. */
  unsure?: () => string | undefined
  /** Stands on every decision. */
  cluster?: string
  /** How often to look for new records while there are none, ms. */
  pollMs?: number
  random?: () => number
  clock: Clock
  metrics: Metrics
  log: Logger
}

export interface ScalingSettings {
  /** Distance of evaluation times, ms; they are its multiples. */
  intervalMs: number
  /** Only tell, for all services. */
  dryRun: boolean
  /** Apps may ask for it by their labels. */
  labels: boolean
  policies: readonly PolicyDeclaration[]
}

export interface Controller {
  ledger: Ledger
  policies(): Policies
  /** The last evaluation time, ms. */
  through(): number | undefined
  trouble(): string | undefined
  /** Waits for changes that are under way. */
  close(): Promise<void>
}

const readLimits = { maxBytes: 1 << 20 }
/** How often it is written how far it came, ms. */
const progressEveryMs = 5000

/**
 * Follows the signals and evaluates all policies at each time of the grid for which everything was measured. When it
 * was held up, only at the newest: to act on what was is wrong.
 */
export async function openController(options: ControllerOptions): Promise<Controller> {
  const { bus, clock, metrics, log, pollMs = 50, settings } = options
  const { intervalMs } = settings
  const signals = scalable(options.signals)
  const stop = new AbortController()
  const records = decodeAll((await bus.snapshot('scaling')).latest)
  for (const key of records.unreadable) {
    log.warn({ key }, 'a record of the scaling topic was not understood and is left alone')
  }
  const patience = openPatience({ waiting: 'scaling waits for the bus', log, signal: stop.signal })
  const identity = (service: string) => identityOf(round.stateOf(service), options.cluster)
  const journal = openJournal({ settings, signals })
  const ledger = openLedger({
    bus,
    memories: records.memories,
    journal,
    identityOf: identity,
    untilDone: patience.untilDone,
    clock,
    metrics,
  })
  const { patiently } = patience
  const pauses = openPauses({
    bus,
    ledger,
    journal,
    records,
    identityOf: identity,
    patiently,
    clock,
    log,
  })
  const carryOut = openCarryOut({
    ledger,
    journal,
    http: (service) => options.http(round.stateOf(service)?.marathon ?? ''),
    pauseAgainst: ({ service, from, to }) =>
      pauseAgainst(Math.sign(to - from), pauses.on(service), clock.now()),
    clock,
    log,
    random: options.random ?? Math.random,
  })
  const given = (service: string) => {
    const own = pauses.on(service)
    return own.length > 0 ? { pauses: own } : {}
  }
  const round = openRound({ ...options, ...settings, signals, given, ledger, journal, carryOut })
  const signalsHash = declarationsHash(signals)
  const seenBefore = records.seen.filter(({ signal }) => Object.hasOwn(signals, signal))
  const grid = gridOf(options, signals, { ...records, seen: seenBefore })
  let offset = records.progress?.signals === signalsHash ? records.progress.offset : 0
  const silent = openSilent(seenBefore, ledger.add)
  let firstRead: number | undefined
  let evaluatedAt = clock.now()
  let progressAt = 0
  let stopped: string | undefined
  let stalledAt: number | undefined

  async function work() {
    while (!stop.signal.aborted) {
      await pauses.take()
      const batch = await patiently(() => bus.read('signals', 0, offset, readLimits))
      if (!batch) return
      takeBatch(batch)
      // Only with everything that is known by now.
      if (batch.next >= batch.end) await evaluateDue()
      metrics.lag_seconds.set({ stage: 'scale' }, secondsBehind(grid.through(), clock.now()))
      if (batch.records.length === 0) await pause(pollMs, stop.signal)
    }
  }

  function takeBatch(batch: Batch) {
    if (batch.from > offset && offset > 0) {
      log.warn({ from: offset, to: batch.from }, 'records of signals were trimmed before scaling')
    }
    for (const { offset: at, reason } of grid.take(batch.records)) {
      metrics.malformed_signals_total.inc()
      log.warn({ offset: at, reason }, 'a record of the signals topic was not understood')
    }
    firstRead ??= batch.from
    offset = batch.next
  }

  /** A reader begins as this process did, or later with what is known by then. */
  function gridStart(isFirst: boolean) {
    const start = isFirst
      ? { through: records.progress?.through, offset: firstRead ?? offset }
      : { through: grid.through(), inputs: grid.inputs(), offset: grid.neededFrom(offset) }
    return { grid: start, seen: silent.all() }
  }

  async function evaluateDue() {
    const due = grid.next()
    if (!due) return evaluateUnmeasured()
    const { ts, skippedFrom } = due
    if (skippedFrom !== undefined) {
      metrics.scaling_skipped_total.inc((ts - skippedFrom) / intervalMs)
      log.debug({ from: skippedFrom, to: ts }, 'evaluations were skipped: only the newest counts')
    }
    await evaluate({ ts, readings: readingsAt(signals, due.valuesOf), offset, gridStart })
    noteProgress(ts)
  }

  /** Measuring stands still: that is a reason to be told, and a maximum still holds. */
  async function evaluateUnmeasured() {
    const nowMs = clock.now()
    const last = grid.through()
    const limit = gapAfter(intervalMs)
    if (nowMs - evaluatedAt < (stalledAt === undefined ? limit : intervalMs)) return
    stalledAt ??= nowMs
    const ts = Math.floor(nowMs / intervalMs) * intervalMs
    const unmeasured =
      last === undefined ? 'was never measured' : `was measured ${span(nowMs - last)} ago last`
    await evaluate({ ts, readings: () => () => undefined, unmeasured, offset, gridStart })
  }

  async function evaluate(moment: Moment) {
    evaluatedAt = clock.now()
    if (moment.unmeasured === undefined) stalledAt = undefined
    const count = await round.evaluate(moment)
    metrics.scaling_evaluations_total.inc(count)
  }

  function noteProgress(ts: number) {
    silent.take(grid.done(ts))
    if (clock.now() - progressAt < progressEveryMs) return
    progressAt = clock.now()
    const progress = { v: 1, through: ts, offset: grid.neededFrom(offset), signals: signalsHash }
    ledger.add(encode(progressKey, progress))
  }

  const working = work().catch((error: unknown) => {
    stopped = `scaling has stopped, which is a mistake in Mesoscope (${explain(error)}): restart it`
    log.error({ error }, 'scaling has stopped')
  })

  return {
    ledger,
    policies: round.policies,
    through: grid.through,
    trouble() {
      const isNeeded = round.policies().policies.size > 0
      const stall = isNeeded ? stallTrouble(stalledAt, grid, clock.now()) : undefined
      return stopped ?? patience.trouble() ?? stall
    },
    async close() {
      stop.abort()
      await working
      await carryOut.close()
      await ledger.flush()
    },
  }
}

function scalable(signals: SignalDeclarations): SignalDeclarations {
  const followed = Object.keys(signals).filter((name) => {
    const signal = signals[name]
    return signal !== undefined && scalingFault(signal) === undefined
  })
  return withRead(followed, signals)
}

function gridOf(
  { bus, settings }: ControllerOptions,
  signals: SignalDeclarations,
  { progress, seen }: ScalingRecords,
): SignalGrid {
  return openSignalGrid({
    signals,
    intervalMs: settings.intervalMs,
    partitions: (topic) => bus.partitions(topic),
    // Only the newest of those that are due.
    catchUpMs: 0,
    restored: { through: progress?.through, seen },
  })
}

function identityOf(state: ServiceState | undefined, cluster: string | undefined): Identity {
  const { owner, runbook, retention } = state ?? {}
  return {
    ...(cluster === undefined ? {} : { cluster }),
    ...(owner === undefined ? {} : { owner }),
    ...(runbook === undefined ? {} : { runbook }),
    ...(retention === undefined ? {} : { retention }),
  }
}

function secondsBehind(through: number | undefined, nowMs: number): number {
  return through === undefined ? 0 : Math.max(0, nowMs - through) / 1000
}

function stallTrouble(stalledAt: number | undefined, grid: SignalGrid, nowMs: number) {
  if (stalledAt === undefined) return undefined
  const { topic, partition, through } = grid.slowest()
  const where =
    through === undefined
      ? 'has measured nothing yet'
      : `stands at ${new Date(through).toISOString()}`
  return `no signal was measured for ${span(nowMs - stalledAt + shortestGapMs)} (partition ${partition} of ${topic} ${where}), nothing is scaled: see whether collectors and processors run`
}

import type { Batch, Bus, BusRecord, ProducedRecord } from '../pipeline/bus/bus.ts'
import { pause, type Clock } from '../pipeline/clock.ts'
import type { ChangeDoc } from '../pipeline/event.ts'
import { explain } from '../pipeline/errors.ts'
import { killPoint } from '../pipeline/fault.ts'
import type { Logger } from '../pipeline/log.ts'
import type { Metrics } from '../pipeline/metrics.ts'
import { openPatience } from '../pipeline/patience.ts'
import { flapChange } from './changes.ts'
import { notificationOf } from './outbox.ts'
import { openExposition } from './exposition.ts'
import { openEngine, type RuleTransition, type Step } from './engine.ts'
import {
  decodeAll,
  encode,
  erase,
  linesKey,
  notifyKey,
  progressKey,
  type AlertRecords,
  type Notification,
  type OwnedState,
  type Progress,
  type RuleHealth,
} from './records.ts'
import { wantedLines, type CompiledRules } from './rules/compile.ts'
import { isWatermark } from '../pipeline/signal-records.ts'
import { declarationsHash, seenKey, type SignalDeclarations } from '../pipeline/signals.ts'
import type { FlapSettings } from './rules/flap-marking.ts'
import { openWatch } from './watch.ts'
import type { KindEvent } from './rules/kinds/kind.ts'
import {
  faultyViews,
  healthWriter,
  logWriter,
  restoredInputs,
  startOffset,
  stateWriter,
} from './written.ts'

export interface EvaluatorOptions {
  bus: Bus
  rules: CompiledRules
  signals: SignalDeclarations
  /** Distance of evaluation times, ms. */
  intervalMs: number
  /** At the very first start: from which time on to evaluate, ms; unless set from what is measured last. */
  beginAt?: number
  /** How far measuring must have come beyond an evaluation time, ms; 0 unless set. */
  lagAllowanceMs?: number
  /** Without progress of the slowest partition for this long, alerts are unknown, ms; a minute unless set. */
  stalledAfterMs?: number
  seenForMs?: number
  catchUpMs?: number
  flapping?: FlapSettings
  /** Puts documents on the timeline; rejects if it cannot (it is tried again). */
  publish?: (docs: ChangeDoc[]) => Promise<void>
  /** See `EngineOptions.watchGapMs`. */
  watchGapMs?: number
  /** How often to look for new records while there are none, ms. */
  pollMs?: number
  /** Reads lines for rules that look at single ones; without it these have none. */
  lines?: OpenLines
  clock: Clock
  metrics: Metrics
  log: Logger
  /** Told after the change is on the bus; `notification` is what has to be sent for it. Must not throw. */
  onTransition: (transition: RuleTransition, notification: Notification | undefined) => void
}

/** Opens a reader of the lines that rules want, by their ids; `restored`: where an earlier one stood. */
export type OpenLines = (wanted: readonly WantedLines[], restored: unknown) => Promise<LineReader>

export interface WantedLines {
  id: string
  from: 'logs' | 'changes'
  where: string
}

export interface LineReader {
  /** Reads until all of before `ts` is there; false when aborted meanwhile. Rejects when the bus is away. */
  advance(ts: number, signal: AbortSignal): Promise<boolean>
  /** What a rule is to be given at `ts`: each line once, in any order. */
  take(rule: string, ts: number): KindEvent[]
  /** Where it stands, as plain data. */
  position(): unknown
}

export interface Evaluator {
  /** All alerts, also those resolved a short while ago. */
  states(): OwnedState[]
  /** The last evaluation time, ms. */
  through(): number | undefined
  health(): RuleHealth[]
  /** What an earlier process left to send. */
  leftovers: Notification[]
  /** What an earlier process left to whoever tells of groups. */
  records: Pick<
    AlertRecords,
    'silences' | 'told' | 'posted' | 'tests' | 'held' | 'requests' | 'attendedMs'
  >
  trouble(): string | undefined
  /** Stops between two evaluations. */
  close(): Promise<void>
}

const readLimits = { maxBytes: 1 << 20 }
/** So many evaluations of a catch-up share one write. */
const stepsPerWrite = 200

/**
 * Evaluates the rules along event time, for ever: reads `signals`, writes what alerts are and what has to be
 * told about them to `alerts` in one batch, so that a kill at any moment neither loses nor doubles a page.
 */
export async function openEvaluator(options: EvaluatorOptions): Promise<Evaluator> {
  const { bus, clock, metrics, log, pollMs = 100 } = options
  const records = decodeAll((await bus.snapshot('alerts')).latest)
  for (const { key, reason } of records.unreadable) {
    log.warn({ key, reason }, 'a record of the alerts topic was not understood and is left alone')
  }
  const signalsHash = declarationsHash(options.signals)
  if (options.beginAt !== undefined)
    records.progress ??= await begin(options, options.beginAt, signalsHash)
  const wanted = wantedLines(options.rules)
  const lines = wanted.length > 0 ? await options.lines?.(wanted, records.lines) : undefined
  const engine = openEngine({
    ...options,
    ...(lines ? { linesOf: lines.take } : {}),
    partitions: bus.partitions,
    onValues: openExposition({ signals: options.signals, metrics }),
    restored: {
      ...records,
      through: records.progress?.through,
      ...restoredInputs(records.progress, signalsHash),
      watched: records.progress?.watched,
    },
  })
  const told = new Set(records.notifications.map(notifyKey))
  const writer = stateWriter(records)
  const kept = new Set([...options.rules.faulty, ...wanted.map(({ id }) => id)])
  const changedLogs = logWriter(records, kept, (rule, bytes) =>
    log.error({ rule, bytes }, 'what a rule remembers is too large: a restart forgets of it'),
  )
  const changedHealth = healthWriter()
  const faulty = faultyViews(options.rules.faults)
  const stop = new AbortController()
  const watch = openWatch(options)
  const { patiently, untilDone, trouble } = openPatience({
    waiting: 'evaluation waits for the bus',
    trouble: 'alert rules wait for the bus',
    log,
    signal: stop.signal,
  })
  let stopped: string | undefined
  let offset = startOffset(records, signalsHash)
  const untilWarm = records.progress ? 0 : ((await bus.ends('signals'))[0] ?? 0)

  async function work() {
    while (!stop.signal.aborted) {
      const batch = await patiently(() => bus.read('signals', 0, offset, readLimits))
      if (!batch) return
      if (!(await takeBatch(batch))) return
      metrics.lag_seconds.set({ stage: 'alert' }, lag(engine.through(), clock.now()))
      if (watch.stalled()) await writeUnknown()
      if (batch.records.length === 0) await pause(pollMs, stop.signal)
    }
  }

  /**
   * Evaluates as soon as a watermark makes an evaluation due, before the next record is looked at: so it depends on the
   * order of the records alone, and a back-test of them gives the same. False when closed meanwhile.
   */
  async function takeBatch(batch: Batch): Promise<boolean> {
    if (batch.from > offset && offset > 0) {
      log.warn({ from: offset, to: batch.from }, 'records of signals were trimmed before alerting')
    }
    let steps: Step[] = []
    for (const record of batch.records) {
      takeRecord(record)
      offset = record.offset + 1
      watch.saw(engine.measuredThrough())
      // History from before the first start is measured, not alerted on.
      if (offset < untilWarm || !isWatermark(record)) continue
      for (let ts = engine.due(); ts !== undefined; ts = engine.due()) {
        if (lines && !(await readTo(lines, ts))) return false
        const step = engine.step()
        if (step) steps.push(step)
        if (steps.length < stepsPerWrite) continue
        if (!(await tell(steps))) return false
        steps = []
      }
    }
    offset = batch.next
    return steps.length === 0 || tell(steps)
  }

  /** Where nobody wants lines any more, a later rule begins with those that come then. */
  function linesRecord(): ProducedRecord[] {
    if (lines) return [encode(linesKey, lines.position() as object)]
    if (records.lines === undefined) return []
    records.lines = undefined
    return [erase(linesKey)]
  }

  async function readTo(reader: LineReader, ts: number): Promise<boolean> {
    return (await patiently(() => reader.advance(ts, stop.signal))) ?? false
  }

  function takeRecord(record: BusRecord): void {
    for (const { offset: at, reason } of engine.take([record])) {
      metrics.malformed_signals_total.inc()
      log.warn({ offset: at, reason }, 'a record of the signals topic was not understood')
    }
  }

  async function tell(steps: readonly Step[]): Promise<boolean> {
    for (const step of steps) report(step)
    const transitions = steps.flatMap((step) => step.transitions)
    const outbox = transitions.map((transition) => notificationOf(transition, told))
    if (!(await write(steps, outbox))) return false
    for (const [index, transition] of transitions.entries()) {
      options.onTransition(transition, outbox[index])
    }
    return true
  }

  function report({ ts, failures, skippedFrom }: Step) {
    metrics.rule_evaluations_total.inc(options.rules.rules.length)
    for (const { alert, error } of failures) {
      metrics.rule_failures_total.inc({ rule: alert })
      log.warn({ alert, error }, 'a rule could not be evaluated; its alerts stay as they were')
    }
    if (skippedFrom !== undefined) {
      log.warn({ from: skippedFrom, to: ts }, 'too long ago to catch up: evaluations were skipped')
    }
  }

  /** The outbox first: should only a part be appended, then better to evaluate again than to forget a page. */
  async function write(steps: readonly Step[], outbox: readonly (Notification | undefined)[]) {
    const due = outbox.filter((notification) => notification !== undefined)
    const through = engine.through() ?? 0
    const watched = engine.watched()
    const progress: Progress = {
      through,
      offset: engine.neededFrom(offset),
      signals: signalsHash,
      inputs: engine.inputs(),
      ...(watched ? { watched } : {}),
    }
    const changes = writer.changed(engine.states())
    if (!(await tellFlaps(steps))) return false
    killPoint('alert:before-state')
    const written = await produce([
      ...due.map((notification) => encode(notifyKey(notification), notification)),
      ...steps.flatMap(({ silent }) => silent.map((seen) => encode(seenKey(seen), seen))),
      ...steps.flatMap(({ forgotten }) => forgotten.map((seen) => erase(seenKey(seen)))),
      ...changes,
      ...changedLogs(engine.logs()),
      ...changedHealth(through, [...engine.health(), ...faulty]),
      ...linesRecord(),
      encode(progressKey, progress),
    ])
    if (written) for (const notification of due) told.add(notifyKey(notification))
    return written
  }

  /** Before the states are written: should it be evaluated again, the same is told under the same ids. */
  async function tellFlaps(steps: readonly Step[]): Promise<boolean> {
    const docs = steps.flatMap(({ ts, flaps }) => flaps.map((flap) => flapChange(flap, ts)))
    const { publish } = options
    if (docs.length === 0 || !publish) return true
    return untilDone(() => publish(docs))
  }

  async function writeUnknown() {
    engine.stall(clock.now())
    await produce(writer.changed(engine.states()))
  }

  function produce(records: ProducedRecord[]): Promise<boolean> {
    return untilDone(() => bus.produce('alerts', records))
  }

  const working = work().catch((error: unknown) => {
    stopped = `the evaluation of alert rules has stopped: ${explain(error)}`
    log.error({ error }, 'the evaluation of alert rules has stopped')
  })

  return {
    states: engine.states,
    through: engine.through,
    health: engine.health,
    leftovers: records.notifications,
    records,
    trouble() {
      const failure = stopped ?? trouble()
      if (failure !== undefined) return failure
      if (options.rules.rules.length === 0) return undefined
      return watch.trouble(engine.slowest()) ?? ruleTrouble(engine.health())
    },
    async close() {
      stop.abort()
      await working
    },
  }
}

/** Written down before anything else: a kill a moment later must not make the next start the first one again. */
async function begin(
  { bus, intervalMs }: EvaluatorOptions,
  atMs: number,
  signals: string,
): Promise<Progress> {
  const through = Math.floor(atMs / intervalMs) * intervalMs
  const watched = { since: through, heardSince: through }
  const progress: Progress = { through, offset: 0, signals, watched }
  await bus.produce('alerts', [encode(progressKey, progress)])
  return progress
}

function lag(through: number | undefined, now: number): number {
  return through === undefined ? 0 : Math.max(0, (now - through) / 1000)
}

function ruleTrouble(health: readonly RuleHealth[]): string | undefined {
  const failing = health.find(({ error }) => error !== undefined)
  if (!failing) return undefined
  const { alert, error, when } = failing
  return `rule ${alert} cannot be evaluated (${error}): correct its condition ${when}`
}

import { hostname } from 'node:os'
import type { Clock } from '../pipeline/clock.ts'
import { msToIso, type ChangeDoc } from '../pipeline/event.ts'
import { identityToEcs, type Identity } from '../pipeline/identity.ts'
import type { Logger } from '../pipeline/log.ts'
import { checkMetric } from '../pipeline/metric-names.ts'
import type { Metrics } from '../pipeline/metrics.ts'
import { parseCheckOutput, type CheckOutput } from './check-output.ts'
import { clean, withoutUnknown } from './docker-identity.ts'
import { openPoller } from './poller.ts'
import { runCommand, type CommandResult } from './run-command.ts'
import { openSampler } from './sampler.ts'
import type { Collected, Collector, Sink } from './sink.ts'

export interface CheckOptions {
  /** Of the check: its positions go by it. */
  check: string
  /** Program and arguments; no shell. */
  command: readonly string[]
  /** From one run's beginning to the next, ms. */
  interval: number
  /** ms. */
  timeout: number
  service: string
  retention?: string | undefined
  cluster?: string | undefined
  sink: Sink
  clock: Clock
  metrics: Metrics
  log: Logger
}

/** What exit codes mean. https://nagios-plugins.org/doc/guidelines.html#AEN78 */
export const checkStates = ['ok', 'warning', 'critical', 'unknown'] as const
type CheckState = (typeof checkStates)[number]

/** The stored position. */
interface Known {
  state: CheckState
  sinceMs: number
}

const maxText = 4096

/**
 * Runs a plug-in of Nagios, or any program that ends with 0 to 3, again and again. Each run is a sample (its state, how long it took, its
 * performance data), each change of its state a change. A program that cannot be run, ends otherwise or takes too long is *unknown*.
 */
export async function openCheck(options: CheckOptions): Promise<Collector> {
  const { check, command, service, retention, cluster, sink, clock } = options
  const name = `check ${check}`
  const key = `${name}:state`
  const sampler = openSampler({ source: `check:${check}`, sink, clock })
  const identity = withoutUnknown({ cluster, service, task: check, agent: hostname(), retention })
  let known = readKnown(sink.position(key))

  async function poll(nowMs: number, signal: AbortSignal): Promise<Collected | undefined> {
    const result = await runCommand(command, { timeoutMs: options.timeout, signal })
    if (signal.aborted) return undefined
    const took = clock.now() - nowMs
    const output = parseCheckOutput(result.output)
    const odd = output.misunderstood.length
    if (odd > 0) options.metrics.misunderstood_total.inc({ collector: name, what: 'perfdata' }, odd)
    const state = stateOf(result)
    const { samples = [], positions } = sampler.take([
      { timeMs: nowMs, identity, metrics: metricsOf(state, took, output) },
    ])
    const changes = noteState(state, sentenceOf(result, output), output, nowMs)
    return { samples, changes, positions: { ...positions, [key]: known } }
  }

  function noteState(
    state: CheckState,
    sentence: string,
    output: CheckOutput,
    nowMs: number,
  ): ChangeDoc[] {
    const before = known
    if (before?.state === state) return []
    known = { state, sinceMs: nowMs }
    // That all is well from the start is no news.
    if (!before && state === 'ok') return []
    const doc = { check, before, state, sentence, details: output.details, atMs: nowMs }
    return [changeOf(doc, identity)]
  }

  return openPoller({
    name,
    intervalMs: options.interval,
    clock,
    sink,
    metrics: options.metrics,
    log: options.log,
    poll,
  })
}

function stateOf({ exitCode }: CommandResult): CheckState {
  return exitCode === undefined ? 'unknown' : (checkStates[exitCode] ?? 'unknown')
}

function sentenceOf({ exitCode, failure }: CommandResult, { summary }: CheckOutput): string {
  if (failure !== undefined) return summary === '' ? failure : `${failure}: ${summary}`
  const odd = exitCode !== undefined && checkStates[exitCode] === undefined
  return odd ? `it ended with ${exitCode}: ${summary}` : summary
}

function metricsOf(state: CheckState, tookMs: number, { values }: CheckOutput) {
  const measured = [...values].flatMap(([label, value]) => {
    const metric = checkMetric(label)
    return metric === undefined ? [] : [[metric, value] as const]
  })
  return {
    ...Object.fromEntries(measured),
    'check.state': checkStates.indexOf(state),
    'check.duration': tookMs / 1000,
  }
}

function changeOf(
  {
    check,
    before,
    state,
    sentence,
    details,
    atMs,
  }: {
    check: string
    before: Known | undefined
    state: CheckState
    sentence: string
    details: string
    atMs: number
  },
  identity: Identity,
): ChangeDoc {
  const was = before ? ` (was ${before.state})` : ''
  return {
    '@timestamp': msToIso(atMs),
    'event.id': `change:check:${check}:${atMs}`,
    'event.kind': 'check',
    'event.action': state,
    message: `${check} is ${state}${was}: ${clean(sentence) ?? 'it said nothing'}`,
    ...(details === '' ? {} : { 'check.details': details.slice(0, maxText).toWellFormed() }),
    ...(before ? { 'check.before': before.state } : {}),
    ...identityToEcs(identity),
  }
}

function readKnown(stored: unknown): Known | undefined {
  const { state, sinceMs } = (stored ?? {}) as Partial<Known>
  const isSound = checkStates.some((one) => one === state) && Number.isFinite(sinceMs)
  return isSound ? { state: state as CheckState, sinceMs: sinceMs as number } : undefined
}

import stringify from 'fast-json-stable-stringify'
import { openBacktest, type Backtest } from '../alerting/backtest.ts'
import { linesBehind } from '../alerting/evidence.ts'
import { compileRules, wantedLines, type CompiledRules } from '../alerting/rules/compile.ts'
import { topicOf } from '../alerting/words.ts'
import type {
  BacktestAnswer,
  BacktestIncident,
  BacktestLine,
  BacktestQuestion,
} from '../pipeline/backtest.ts'
import { offsetAt } from '../pipeline/bus/offset-at.ts'
import { Trouble } from '../pipeline/errors.ts'
import { openMetrics } from '../pipeline/metrics.ts'
import { topicsOf, type SignalDeclarations } from '../pipeline/signals.ts'
import {
  inHindsight,
  measuredAgain,
  recordedSignals,
  type Recorded,
} from '../processors/recorded.ts'
import { openRemeasurer } from '../processors/remeasure.ts'
import { nothingKnown, type KnownIdentities } from '../processors/resolve.ts'
import { openMatchingLines, type MatchedTopic } from '../processors/matching-lines.ts'
import { latenessMs } from '../processors/measure-topic.ts'
import { flappingOf, watchGapMs } from './alerts.ts'
import type { BaseWithStore } from './base.ts'
import { oneAtATime } from './one-at-a-time.ts'

/** So many incidents are shown with lines, and so many lines of each. */
const shown = { incidents: 50, lines: 3 }

/**
 * Answers what a rule would have told in the past, from what the bus still has: by the signals as they were measured then,
 * where they are declared as they are now; else by what came then, measured again.
 */
export function openBacktesting(base: BaseWithStore, catalog: KnownIdentities = nothingKnown) {
  return oneAtATime('back-test', (question: BacktestQuestion) => run(base, catalog, question))
}

async function* run(
  base: BaseWithStore,
  catalog: KnownIdentities,
  question: BacktestQuestion,
): AsyncGenerator<BacktestLine> {
  const { bus, settings } = base
  const { rule, from, to } = question
  const rules = compiled(question)
  const isRecorded = Object.entries(question.signals).every(
    ([name, signal]) => stringify(base.signals[name]) === stringify(signal),
  )
  // The same topics hold up the evaluation then and now.
  const signals = isRecorded ? base.signals : question.signals
  const since = from - warmUpMs(question, rules)
  const backtest = openBacktest({
    ...(await linesFrom(base, { rules, catalog, since })),
    signals,
    rules,
    intervalMs: settings.evaluation.interval,
    flapping: flappingOf(settings),
    partitions: bus.partitions,
    watchGapMs,
    from,
    to,
  })
  const came = isRecorded
    ? recordedSignals(bus, since)
    : measuredAgain(bus, remeasurerOf(base, catalog, signals), since)
  for await (const { records, progress } of question.hindsight
    ? hindsightOf(came, question, base)
    : came) {
    await backtest.take(records)
    yield { progress }
    if ((backtest.through() ?? -Infinity) > to) break
  }
  const { incidents, ...result } = backtest.result()
  const answer: BacktestAnswer = {
    alert: rule.alert,
    source: isRecorded ? 'recorded' : 'measured again',
    ...result,
    incidents: await withLines(base, backtest, incidents),
  }
  yield { answer }
}

function compiled({ rule, signals }: BacktestQuestion): CompiledRules {
  const rules = compileRules([rule], signals)
  const [fault] = rules.faults
  if (fault) throw new Trouble(`${fault.path}: ${fault.message}`, { remedy: 'correct the rule' })
  return rules
}

/** Rules on single lines are given those that came then. */
async function linesFrom(
  { bus, log }: BaseWithStore,
  { rules, catalog, since }: { rules: CompiledRules; catalog: KnownIdentities; since: number },
) {
  const wanted = wantedLines(rules)
  if (wanted.length === 0) return {}
  const from = (topic: MatchedTopic) =>
    Promise.all(
      Array.from({ length: bus.partitions(topic) }, (_, partition) =>
        offsetAt(bus, { topic, partition }, since),
      ),
    )
  return { lines: await openMatchingLines({ bus, catalog, wanted, from, log }) }
}

/** What is pending at the beginning has begun before, in windows that began before that. */
function warmUpMs({ rule, signals }: BacktestQuestion, { rules }: CompiledRules): number {
  const windows = Object.values(signals).map(({ overMs }) => overMs)
  // A spike compares two windows of its timeframe, and both begin before that.
  const span = 3 * Math.max(0, ...rules.map(({ log }) => log?.spanMs ?? 0))
  return span + rule.forMs + rule.keepFiringForMs + Math.max(0, ...windows) + Math.max(...lateness)
}

const lateness = Object.values(latenessMs)

function remeasurerOf(
  { settings, log }: BaseWithStore,
  catalog: KnownIdentities,
  signals: SignalDeclarations,
) {
  return openRemeasurer({
    signals,
    resolutionMs: settings.evaluation.resolution,
    catalog,
    complete: catalog.complete,
    // Nothing of a back-test is to be counted among what is measured now.
    metrics: openMetrics(),
    log,
  })
}

function hindsightOf(
  came: AsyncIterable<Recorded>,
  { signals }: BacktestQuestion,
  { bus, signals: declared }: BaseWithStore,
): AsyncGenerator<Recorded> {
  return inHindsight(came, {
    isWanted: (signal) => Object.hasOwn(signals, signal) || !Object.hasOwn(declared, signal),
    partitions: bus.partitions,
    topics: topicsOf({ ...declared, ...signals }),
  })
}

async function withLines(
  { store }: BaseWithStore,
  backtest: Backtest,
  incidents: BacktestIncident[],
): Promise<BacktestIncident[]> {
  const told = new Map(backtest.told().map((one) => [`${one.incident} ${one.state}`, one]))
  const found: BacktestIncident[] = []
  for (const [index, one] of incidents.entries()) {
    const notification = told.get(`${one.incident} firing`)
    const hasLines = notification && topicOf(notification.facts) === 'logs'
    if (!hasLines || index >= shown.incidents) {
      found.push(one)
      continue
    }
    const { service, ...query } = linesBehind(notification)
    const page = await store.search({
      ...query,
      ...(service === undefined ? {} : { services: [service] }),
      limit: shown.lines,
    })
    found.push({ ...one, lines: page.hits })
  }
  return found
}

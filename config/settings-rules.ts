import { z } from 'zod'
import { identityFields, type Identity } from '../pipeline/identity.ts'
import { measures } from '../pipeline/measures.ts'
import { signalSources } from '../pipeline/signals.ts'
import {
  condition,
  duration,
  expression,
  flag,
  oneOf,
  positiveNumber,
  query,
  text,
} from './kinds.ts'

const second = 1000

/** That tell one thing from another. */
type IdentityPart = Exclude<keyof Identity, 'labels' | 'retention'>
const identityParts = Object.keys(identityFields).filter(
  (part): part is IdentityPart => part !== 'labels' && part !== 'retention',
)

export const signal = z.strictObject({
  from: oneOf(signalSources)
    .prefault('logs')
    .describe('What is measured; `signals`: others, at each evaluation.'),
  metric: text('a name of a metric')
    .optional()
    .describe('With `from: metrics`: which one, e.g. `container.cpu.utilization`.'),
  field: text('a name of a field')
    .optional()
    .describe(
      'Of lines and changes: the field that is measured (`duration_ms`, `bytes`), as queries name it; lines without it, or where it is no number, do not count. With `cardinality` the field whose different values are counted.',
    ),
  counter: flag()
    .optional()
    .describe(
      'The number only grows, until its process starts anew: what it grew by is measured, of each source by itself. With `measure: sum` (growth) or `rate` (growth a second).',
    ),
  value: expression()
    .optional()
    .describe(
      'With `from: signals`: what of others (CEL), e.g. `errors / requests`; they are measured by the same fields. No value where it is no finite number.',
    ),
  where: query()
    .prefault('')
    .describe('Query that chooses the lines, samples or changes; empty: all.'),
  measure: oneOf(measures)
    .optional()
    .describe(
      'Lines (or changes, samples) per second, their number, or (`absent`) 1 while there is none, else 0; of numbers also mean, sum, extremes, the newest value, and percentiles, which are off by at most 1 %; `cardinality`: how many different values (beyond 256 off by 1.6 % as a rule). Absent with `from: signals`: `last`, the value itself; where `by` names less than what it reads: `avg`, `sum`, `min`, `max`, `count` or a percentile of those that become one.',
    ),
  expected: z
    .array(z.partialRecord(z.enum(identityParts as [IdentityPart, ...IdentityPart[]]), text()))
    .optional()
    .describe(
      'With `measure: absent`: who is missed though nobody has heard them yet, each with all that `by` names: `[{ service: /backup }]`. Others are known for a day after they were heard.',
    ),
  over: duration(second)
    .prefault('1m')
    .describe('Length of the window; a multiple of `evaluation.resolution`.'),
  by: z
    .array(oneOf(identityParts))
    .min(1)
    .prefault(['service'])
    .describe('One series for each of these.'),
})

export const evaluation = z.strictObject({
  interval: duration(100).prefault('5s').describe('How often the rules are evaluated.'),
  resolution: duration(100)
    .prefault('5s')
    .describe('Width of the buckets in which signals are counted.'),
  flapping: z
    .strictObject({
      low: positiveNumber()
        .prefault(5)
        .describe('Percent of its last 21 states that are changes, at which it is steady again.'),
      high: positiveNumber().prefault(20).describe('Percent from which it flaps.'),
      every: duration(second)
        .prefault('1m')
        .describe('How often a state counts that stays as it is.'),
    })
    .prefault({})
    .describe('When an alert is marked as one that changes too often, as Nagios sees it.'),
})

const texts = (sentence: string) => z.record(z.string(), text()).prefault({}).describe(sentence)

export const alert = z.strictObject({
  alert: text('a name').describe('Name of the rule, unique.'),
  when: condition()
    .optional()
    .describe('Condition over signals (CEL); each rule has this, `log` or `watchdog`.'),
  watchdog: flag()
    .optional()
    .describe(
      "It always fires. Who is told of it again and again, and hears nothing any more, knows that the way to them is broken (a dead man's switch).",
    ),
  log: z
    .looseObject({
      type: text('a kind of rule').describe(
        'Kind of a rule on single lines: `any`, `blacklist`, `whitelist`, `change`, `frequency`, `spike`, `flatline`, `new_term`, `cardinality`; on what many of them come to: `metric_aggregation`, `percentage_match`, `spike_aggregation`.',
      ),
      from: oneOf(['logs', 'changes'])
        .prefault('logs')
        .describe('What it looks at; each change once, as it was told first.'),
      where: query().prefault('').describe('Query that chooses its lines; empty: all.'),
      hold: duration()
        .optional()
        .describe(
          'So long a match stays an alert; absent: `timeframe` of the rule, else 5m; of an aggregate as long as it matches.',
        ),
    })
    .optional()
    .describe(
      "A rule on single lines, as ElastAlert has them; beside these keys stand the kind's own parameters by ElastAlert's names (`num_events`, `timeframe: 5m`, `query_key`, `fields`, `realert`, `aggregation` …), durations as everywhere here; `match_bucket_filter` is a query.",
    ),
  for: duration()
    .prefault('0s')
    .describe('How long the condition must hold before the alert fires.'),
  clear_when: condition()
    .optional()
    .describe(
      'Condition that ends an alert which fires (`errors < 2` where `when` is `errors > 5`); absent: as soon as `when` does not hold.',
    ),
  no_data: oneOf(['unknown', 'ok', 'keep', 'alert'])
    .prefault('unknown')
    .describe(
      'What an alert that fires becomes while nothing is measured of it: unknown, over, or as it was. `alert`: whatever was measured once and is no more, without having ended, is an alert itself.',
    ),
  on_error: oneOf(['keep', 'alert'])
    .prefault('keep')
    .describe(
      'What becomes of its alerts when it cannot be evaluated: they are kept as they are; with `alert` that is an alert beside them.',
    ),
  keep_firing_for: duration()
    .prefault('0s')
    .describe('How long the alert stays after the condition was last true.'),
  labels: texts('Labels of the alert, e.g. `severity: page`.'),
  annotations: texts('Texts of the alert, e.g. `summary`, `runbook`; Liquid templates.'),
})

/** The fields of Alertmanager's configuration file, and how each is read. */
import { z } from 'zod'
import { explain } from '../../pipeline/errors.ts'
import { globalSchema } from './global-schema.ts'
import type { Operator } from '../../pipeline/matcher-operator.ts'
import { matcher, type Matcher } from './matcher.ts'
import { parseMatchers } from './matchers.ts'
import { duration, flag, maybe, textsByName } from './option-kinds.ts'
import { receiverSchema } from './receiver-schema.ts'
import {
  parseDaysOfMonth,
  parseLocation,
  parseMonths,
  parseTimeRange,
  parseWeekdays,
  parseYears,
} from './time-intervals.ts'

/** A text that `parse` reads; what it throws is the fault. */
function read<T>(parse: (text: string) => T) {
  return z.union([z.string(), z.number().transform(String)]).transform((text, context): T => {
    try {
      return parse(text)
    } catch (error) {
      context.addIssue({ code: 'custom', message: explain(error) })
      return z.NEVER
    }
  })
}

const positive = duration.refine((ms) => ms > 0, 'must not be zero')

const matchers = z
  .array(read(parseMatchers))
  .nullish()
  .transform((lists) => (lists ?? []).flat())

/** `match` and `match_re`: values by label. Expressions stand anchored in the keys of groups, as Alertmanager has them there. */
function matcherMap(op: Operator) {
  return z
    .record(z.string(), z.union([z.string(), z.number(), z.boolean()]).transform(String))
    .nullish()
    .superRefine((values, context) => {
      for (const name of Object.keys(values ?? {})) {
        if (/^[a-zA-Z_]\w*$/.test(name)) continue
        context.addIssue({ code: 'custom', path: [name], message: 'no name of a label' })
      }
    })
    .transform((values, context): Matcher[] => {
      try {
        return Object.entries(values ?? {}).map(([name, value]) =>
          matcher({ name, op, value: op === '=~' ? `^(?:${value})$` : value }),
        )
      } catch (error) {
        context.addIssue({ code: 'custom', message: explain(error) })
        return z.NEVER
      }
    })
}

function listOf<T extends z.ZodType>(schema: T) {
  return z
    .array(schema)
    .nullish()
    .transform((list) => list ?? [])
}

const groupBy = z.array(z.string().min(1)).superRefine((names, context) => {
  const fault = (message: string) => context.addIssue({ code: 'custom', message })
  if (new Set(names).size < names.length) fault('a label stands there twice')
  if (names.includes('...') && names.some((name) => name !== '...')) {
    fault('`...` groups by all labels: no other can stand beside it')
  }
})

const routeFields = z.strictObject({
  receiver: maybe(z.string()),
  group_by: maybe(groupBy),
  group_wait: maybe(duration),
  group_interval: maybe(positive),
  repeat_interval: maybe(positive),
  match: matcherMap('='),
  match_re: matcherMap('=~'),
  matchers,
  continue: flag(false),
  mute_time_intervals: listOf(z.string()),
  active_time_intervals: listOf(z.string()),
  labels: textsByName,
})

export interface ParsedRoute extends z.output<typeof routeFields> {
  routes: ParsedRoute[]
}

const routeSchema: z.ZodType<ParsedRoute> = routeFields.extend({
  routes: z.lazy(() => listOf(routeSchema)),
})

const timeRange = z
  .strictObject({ start_time: z.string(), end_time: z.string() })
  .transform(({ start_time, end_time }, context) => {
    try {
      return parseTimeRange(start_time, end_time)
    } catch (error) {
      context.addIssue({ code: 'custom', message: explain(error) })
      return z.NEVER
    }
  })

/** One interval of a `time_intervals` list. */
export const timeIntervalSchema = z
  .strictObject({
    times: z.array(timeRange).optional(),
    weekdays: z.array(read(parseWeekdays)).optional(),
    days_of_month: z.array(read(parseDaysOfMonth)).optional(),
    months: z.array(read(parseMonths)).optional(),
    years: z.array(read(parseYears)).optional(),
    location: read(parseLocation).optional(),
  })
  .transform(({ times, weekdays, days_of_month, months, years, location }) => ({
    ...(times && { times }),
    ...(weekdays && { weekdays }),
    ...(days_of_month && { daysOfMonth: days_of_month }),
    ...(months && { months }),
    ...(years && { years }),
    ...(location === undefined ? {} : { location }),
  }))

const namedIntervals = z.strictObject({
  name: z.string().min(1),
  time_intervals: listOf(timeIntervalSchema),
})

const inhibitRule = z.strictObject({
  name: z.string().optional(),
  source_match: matcherMap('='),
  source_match_re: matcherMap('=~'),
  source_matchers: matchers,
  target_match: matcherMap('='),
  target_match_re: matcherMap('=~'),
  target_matchers: matchers,
  equal: listOf(z.string()),
})

export const configSchema = z.strictObject({
  global: globalSchema.nullish().transform((value) => value ?? globalSchema.parse({})),
  route: routeSchema,
  receivers: listOf(receiverSchema),
  inhibit_rules: listOf(inhibitRule),
  time_intervals: listOf(namedIntervals),
  mute_time_intervals: listOf(namedIntervals),
  templates: z.array(z.string()).nullish(),
  tracing: z.unknown().optional(),
  event_recorder: z.unknown().optional(),
})

export type ParsedConfig = z.output<typeof configSchema>

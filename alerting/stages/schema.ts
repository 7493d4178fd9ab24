/** The fields of Alertmanager's configuration file, and how each is read. */
import { z } from 'zod'
import { parseDuration } from '../../pipeline/duration.ts'
import { explain } from '../../pipeline/errors.ts'
import type { Integration } from './config.ts'
import { matcher, type Matcher, type Operator } from './matcher.ts'
import { parseMatchers } from './matchers.ts'
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

const yearMs = 365 * 86_400_000

/** Milliseconds of `1h30m`, `2w`, `1y`. */
const duration = z
  .union([z.string(), z.literal(0).transform(String)])
  .transform((text, context) => {
    const [, years = '0', rest = ''] = /^(?:(\d+)y)?(.*)$/.exec(text) ?? []
    const ms = rest === '' && text !== '' ? 0 : parseDuration(rest)
    if (ms !== undefined) return Number(years) * yearMs + ms
    context.addIssue({ code: 'custom', message: `no duration as 30s, 5m or 1h30m: ${text}` })
    return z.NEVER
  })

const positive = duration.refine((ms) => ms > 0, 'must not be zero')

const matchers = z
  .array(read(parseMatchers))
  .nullish()
  .transform((lists) => (lists ?? []).flat())

/** `match` and `match_re`: values by label. */
function matcherMap(op: Operator) {
  return z
    .record(z.string(), z.union([z.string(), z.number(), z.boolean()]).transform(String))
    .nullish()
    .transform((values, context): Matcher[] => {
      try {
        return Object.entries(values ?? {}).map(([name, value]) => matcher({ name, op, value }))
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

const routeSchema = z.strictObject({
  receiver: z.string().optional(),
  group_by: groupBy.optional(),
  group_wait: duration.optional(),
  group_interval: positive.optional(),
  repeat_interval: positive.optional(),
  match: matcherMap('='),
  match_re: matcherMap('=~'),
  matchers,
  continue: z.boolean().default(false),
  mute_time_intervals: listOf(z.string()),
  active_time_intervals: listOf(z.string()),
  labels: z.record(z.string(), z.string()).optional(),
  get routes(): z.ZodDefault<z.ZodArray<typeof routeSchema>> {
    return z.array(routeSchema).default([])
  },
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

/** The kinds of integrations, in the order in which they are told, and whether each tells of resolved alerts unasked. */
const sendsResolved = {
  discord: true,
  email: false,
  incidentio: true,
  pagerduty: true,
  slack: false,
  webhook: true,
  opsgenie: true,
  wechat: false,
  pushover: true,
  victorops: true,
  sns: true,
  telegram: true,
  webex: true,
  msteams: true,
  msteamsv2: true,
  jira: true,
  rocketchat: false,
  mattermost: false,
} as const

type Type = keyof typeof sendsResolved
const types = Object.keys(sendsResolved) as Type[]

const integration = z.looseObject({ send_resolved: z.boolean().optional() })
const integrations = Object.fromEntries(
  types.map((type) => [`${type}_configs`, z.array(integration).optional()]),
) as Record<`${Type}_configs`, z.ZodOptional<z.ZodArray<typeof integration>>>

const receiverSchema = z.strictObject({
  name: z.string().min(1),
  labels: z.record(z.string(), z.string()).optional(),
  ...integrations,
})

export function integrationsOf(receiver: z.infer<typeof receiverSchema>): Integration[] {
  return types.flatMap((type) =>
    (receiver[`${type}_configs`] ?? []).map(({ send_resolved, ...options }, index) => ({
      type,
      index,
      sendResolved: send_resolved ?? sendsResolved[type],
      options,
    })),
  )
}

/** Of `global` these are taken; the others belong to the parts that send. */
const global = z.looseObject({ resolve_timeout: duration.default(300_000) })

export const configSchema = z.strictObject({
  global: global.prefault({}),
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
export type ParsedRoute = z.output<typeof routeSchema>

/** Alertmanager's own configuration file, read for what these stages need. */
import { isScalar, LineCounter, parseDocument, visit, type Document } from 'yaml'
import type { z } from 'zod'
import { Trouble } from '../../pipeline/errors.ts'
import type { InhibitRule } from './inhibition.ts'
import { buildRoutes, type Route } from './routes.ts'
import { foreignGlobals } from './global-schema.ts'
import { integrationsOf, type Integration, type ReceiverFault } from './receivers.ts'
import { configSchema, type ParsedConfig, type ParsedRoute } from './schema.ts'
import type { TimeInterval } from './time-intervals.ts'

export interface StagesConfig {
  /** ms */
  resolveTimeout: number
  route: Route
  receivers: ReadonlyMap<string, readonly Integration[]>
  inhibitRules: readonly InhibitRule[]
  timeIntervals: ReadonlyMap<string, readonly TimeInterval[]>
  /** What stands in the file without effect here, one line each as those of faults. */
  warnings: readonly string[]
}

type Path = readonly (string | number)[]

interface Fault {
  path: Path
  sentence: string
}

/**
 * Reads the YAML text of `file` (its name, for the messages). Throws Trouble with one line for each fault:
 * `alertmanager.yml:12: route.routes[0].receiver: …`.
 */
export function readStagesConfig(source: string, file: string): StagesConfig {
  const lines = new LineCounter()
  const document = parseDocument(source, { lineCounter: lines, prettyErrors: false })
  if (document.errors.length > 0) {
    // The parser's own message could quote a secret of the file.
    const told = document.errors.map(
      ({ pos: [at], code }) => `${file}:${lines.linePos(at).line}: not YAML: ${code}`,
    )
    throw new Trouble(told.join('\n'))
  }
  const line = (fault: Fault) => faultLine(document, lines, file, fault)
  const read = plain(document, file)
  const { data, error } = configSchema.safeParse(read)
  const faults = error ? error.issues.flatMap(faultsOf) : []
  const config = data && configOf(data, faults)
  faults.push(...protoFaults(read))
  if (!config || faults.length > 0) throw new Trouble(faults.map(line).join('\n'))
  return { ...config, warnings: warningsOf(data).map(line) }
}

const secretOption = /(?:password|secret|token|key|credentials)$/
/** Of webhooks and Slack the address itself is a secret. */
const secretAddress = new Set(['url', 'api_url', 'slack_api_url'])
/** What is not looked into here may hold any secret. */
const foreignSections = new Set(['tracing', 'event_recorder'])
const foreignNames = new Set<string>(foreignGlobals)

/** The text of a sound file with `<secret>` in the place of each secret, as Alertmanager shows it. */
export function maskedConfig(source: string): string {
  const document = parseDocument(source)
  // What was commented out may be a secret too.
  document.comment = document.commentBefore = null
  visit(document, {
    Node(_, node) {
      node.comment = node.commentBefore = null
    },
    Pair(_, pair, ancestors) {
      const { key, value } = pair
      if (!isScalar(key) || typeof key.value !== 'string') return
      // Its ancestors are the document and the one mapping in it.
      if (ancestors.length === 2 && foreignSections.has(key.value)) {
        pair.value = document.createNode('<secret>')
        return
      }
      if (!isScalar(value)) return
      const isSecret = secretOption.test(key.value) || secretAddress.has(key.value)
      if (isSecret || foreignNames.has(key.value)) value.value = '<secret>'
    },
  })
  return document.toString()
}

/** The schema does not see keys of this name, and a matcher that is not seen takes everything. */
function protoFaults(value: unknown, path: Path = []): Fault[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, below]) => {
    const at = [...path, Array.isArray(value) ? Number(key) : key]
    if (key === '__proto__') return [fault(at, 'this name cannot be used here')]
    return protoFaults(below, at)
  })
}

function warningsOf(config: ParsedConfig): Fault[] {
  const warn = (said: boolean, path: Path, sentence: string) =>
    said ? [fault(path, sentence)] : []
  const noUse = 'this has no effect here'
  return [
    ...warn((config.templates ?? []).length > 0, ['templates'], 'Go templates are not run here'),
    ...warn(config.tracing !== undefined, ['tracing'], noUse),
    ...warn(config.event_recorder !== undefined, ['event_recorder'], noUse),
    ...foreignGlobals.flatMap((name) =>
      warn(name in config.global, ['global', name], 'such receivers are not built here'),
    ),
    ...config.receivers.flatMap(({ labels }, i) =>
      warn(labels !== undefined, ['receivers', i, 'labels'], noUse),
    ),
  ]
}

/** Aliases of aliases are bounded by the parser. */
function plain(document: Document, file: string): unknown {
  try {
    return document.toJS() as unknown
  } catch (error) {
    throw new Trouble(`${file}: not YAML: ${(error as Error).message}`)
  }
}

function faultsOf(issue: z.core.$ZodIssue): Fault[] {
  const path = issue.path.map((step) => (typeof step === 'symbol' ? String(step) : step))
  if (issue.code !== 'unrecognized_keys') return [{ path, sentence: issue.message }]
  return issue.keys.map((key) => ({ path: [...path, key], sentence: 'unknown field' }))
}

function faultLine(
  document: Document,
  lines: LineCounter,
  file: string,
  { path, sentence }: Fault,
): string {
  const text = path
    .map((step, i) => (typeof step === 'number' ? `[${step}]` : `${i > 0 ? '.' : ''}${step}`))
    .join('')
  return `${file}:${lineOf(document, lines, path)}: ${text}: ${sentence}`
}

/** Of the value at the path, or of the nearest that should hold it. */
function lineOf(document: Document, lines: LineCounter, path: Path): number {
  for (let length = path.length; length > 0; length--) {
    const node = document.getIn(path.slice(0, length), true) as
      { range?: [number, number, number] | null } | undefined
    if (node?.range) return lines.linePos(node.range[0]).line
  }
  return 1
}

/** What no single field shows: names that nobody declared or two did, and what the root may not have. */
function crossFaults(config: ParsedConfig): Fault[] {
  const receivers = config.receivers.map(({ name }) => name)
  const intervals = [...config.mute_time_intervals, ...config.time_intervals].map(
    ({ name }) => name,
  )
  return [
    ...twice(receivers).map((name) => fault(['receivers'], `two receivers are named ${name}`)),
    ...twice(intervals).map((name) =>
      fault(['time_intervals'], `two time intervals are named ${name}`),
    ),
    ...rootFaults(config.route),
    ...routeFaults(config.route, ['route'], new Set(receivers), new Set(intervals)),
  ]
}

const fault = (path: Path, sentence: string): Fault => ({ path, sentence })

function twice(names: readonly string[]): string[] {
  const seen = new Set<string>()
  return names.filter((name) => seen.has(name) || !seen.add(name))
}

function rootFaults(root: ParsedRoute): Fault[] {
  const may = (forbidden: boolean, field: string) =>
    forbidden ? [fault(['route', field], 'the root route must not have it: it takes all')] : []
  return [
    ...(root.receiver ? [] : [fault(['route', 'receiver'], 'the root route must name a receiver')]),
    ...may(root.matchers.length > 0, 'matchers'),
    ...may(root.match.length > 0, 'match'),
    ...may(root.match_re.length > 0, 'match_re'),
    ...may(root.continue, 'continue'),
    ...may(root.mute_time_intervals.length > 0, 'mute_time_intervals'),
    ...may(root.active_time_intervals.length > 0, 'active_time_intervals'),
  ]
}

function routeFaults(
  route: ParsedRoute,
  path: Path,
  receivers: ReadonlySet<string>,
  intervals: ReadonlySet<string>,
): Fault[] {
  const faults: Fault[] = []
  if (route.receiver && !receivers.has(route.receiver)) {
    faults.push(fault([...path, 'receiver'], `no receiver is named ${route.receiver}`))
  }
  for (const field of ['mute_time_intervals', 'active_time_intervals'] as const) {
    for (const [i, name] of route[field].entries()) {
      if (intervals.has(name)) continue
      faults.push(fault([...path, field, i], `no time interval is named ${name}`))
    }
  }
  const below = route.routes.flatMap((child, i) =>
    routeFaults(child, [...path, 'routes', i], receivers, intervals),
  )
  return [...faults, ...below]
}

/** Faults that no single field shows are added to `faults`. */
function configOf(config: ParsedConfig, faults: Fault[]): Omit<StagesConfig, 'warnings'> {
  faults.push(...crossFaults(config))
  const intervals = [...config.mute_time_intervals, ...config.time_intervals]
  return {
    resolveTimeout: config.global.resolve_timeout,
    route: buildRoutes(declared(config.route)),
    receivers: receiversOf(config, faults),
    inhibitRules: config.inhibit_rules.map((rule) => ({
      source: [...rule.source_match, ...rule.source_match_re, ...rule.source_matchers],
      target: [...rule.target_match, ...rule.target_match_re, ...rule.target_matchers],
      equal: rule.equal,
    })),
    timeIntervals: new Map(intervals.map((one) => [one.name, one.time_intervals])),
  }
}

function receiversOf({ receivers, global }: ParsedConfig, faults: Fault[]) {
  return new Map(
    receivers.map((receiver, i) => {
      const missing: ReceiverFault[] = []
      const integrations = integrationsOf(receiver, global, missing)
      for (const { path, sentence } of missing) {
        faults.push(fault(['receivers', i, ...path], sentence))
      }
      return [receiver.name, integrations]
    }),
  )
}

function declared(route: ParsedRoute): Parameters<typeof buildRoutes>[0] {
  const { receiver, group_by, group_wait, group_interval, repeat_interval } = route
  return {
    ...(receiver ? { receiver } : {}),
    ...(group_by === undefined ? {} : { groupBy: group_by.includes('...') ? 'all' : group_by }),
    ...(group_wait === undefined ? {} : { groupWait: group_wait }),
    ...(group_interval === undefined ? {} : { groupInterval: group_interval }),
    ...(repeat_interval === undefined ? {} : { repeatInterval: repeat_interval }),
    matchers: [...route.match, ...route.match_re, ...route.matchers],
    continue: route.continue,
    muteTimeIntervals: route.mute_time_intervals,
    activeTimeIntervals: route.active_time_intervals,
    labels: route.labels,
    routes: route.routes.map(declared),
  }
}

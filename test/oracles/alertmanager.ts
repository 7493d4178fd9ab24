/** Replays of the cases recorded from Alertmanager. */
import { parse } from 'yaml'
import { explain } from '../../pipeline/errors.ts'
import { readStagesConfig } from '../../alerting/stages/config.ts'
import { createDispatcher, type Dispatcher } from '../../alerting/stages/dispatch.ts'
import { fingerprint, labelsText, type Labels } from '../../alerting/stages/labels.ts'
import { matcher, matcherText, matchesAll } from '../../alerting/stages/matcher.ts'
import type { MatcherText } from '../../alerting/stages/matcher.ts'
import type { Operator } from '../../pipeline/matcher-operator.ts'
import { parseClassicMatchers, parseMatchers } from '../../alerting/stages/matchers.ts'
import { parseUtf8Matchers } from '../../alerting/stages/matchers-utf8.ts'
import { routesOf } from '../../alerting/stages/routes.ts'
import { timeIntervalSchema } from '../../alerting/stages/schema.ts'
import { contains, type TimeInterval } from '../../alerting/stages/time-intervals.ts'
import { ofApi, replayTiming, type ApiMatcher } from './alertmanager-timing.ts'
import { differing, type Replay, type Replays } from './oracle.ts'

const fingerprints: Replay = (one) => {
  const { labels, fingerprint: wanted, string } = one as unknown as FingerprintCase
  return [
    ...differing('fingerprint', wanted, fingerprint(labels)),
    ...differing('text', string, labelsText(labels)),
  ]
}

interface FingerprintCase {
  labels: Labels
  fingerprint: string
  string: string
}

const matching: Replay = (one) => {
  const { op, value, string, matches, error } = one as unknown as MatchingCase
  const text: MatcherText = { name: 'l', op, value }
  if (matches === undefined) {
    const refused = attempt(() => matcher(text))
    return differing('refused', error !== undefined, 'error' in refused)
  }
  const { test } = matcher(text)
  const got = Object.fromEntries(Object.keys(matches).map((label) => [label, test(label)]))
  const named = string === undefined ? [] : differing('text', string, matcherText(text))
  return [...named, ...differing('matches', matches, got)]
}

interface MatchingCase {
  op: Operator
  value: string
  string?: string
  matches?: Record<string, boolean>
  error?: string
}

const matcherParsing: Replay = (one) => {
  const { input, classic, utf8 } = one as unknown as ParsingCase
  return [
    ...differing(
      'classic',
      classic,
      attempt(() => parseClassicMatchers(input)),
    ),
    ...differing(
      'utf8',
      utf8,
      attempt(() => parseUtf8Matchers(input)),
    ),
  ]
}

interface ParsingCase {
  input: string
  classic: unknown
  utf8: unknown
}

function attempt<T>(make: () => T): T | { error: string } {
  try {
    return make()
  } catch (error) {
    return { error: explain(error) }
  }
}

/** A refusal is compared as such: its words are our own. */
const timeIntervals: Replay = (one) => {
  const { yaml, times, error, valid = error === undefined } = one as unknown as IntervalCase
  const read = timeIntervalSchema.safeParse(parse(yaml))
  const { data: interval } = read
  if (!times || !interval) return differing('valid', valid, read.success)
  const sound = times.filter(({ t }) => !miscounted(interval, Date.parse(t)))
  const got = sound.map(({ t }) => ({ t, in: contains(interval, Date.parse(t)) }))
  return differing('times', sound, got)
}

/**
 * 0.34.0 takes a month that loses an hour to summer time for a day shorter than it is (mended in its repository since: 68fb2d5),
 * so that it misses the last day: what it says of days is no measure then.
 */
export function miscounted({ daysOfMonth, location = 'UTC' }: TimeInterval, now: number): boolean {
  if (!daysOfMonth || location === 'UTC') return false
  const offset = offsetOf(location, now)
  const local = new Date(now + offset)
  const offsetAtStart = (month: number) =>
    offsetOf(location, Date.UTC(local.getUTCFullYear(), month) - offset)
  return offsetAtStart(local.getUTCMonth() + 1) > offsetAtStart(local.getUTCMonth())
}

/** From UTC to the wall time of a zone, ms. */
function offsetOf(location: string, now: number): number {
  const format = new Intl.DateTimeFormat('en', { timeZone: location, timeZoneName: 'longOffset' })
  const name = format.formatToParts(now).find(({ type }) => type === 'timeZoneName')?.value ?? ''
  const [, sign, hours = '0', minutes = '0'] = /([+-])(\d+):(\d+)/.exec(name) ?? []
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000
}

interface IntervalCase {
  yaml: string
  times?: { t: string; in: boolean }[]
  valid?: boolean
  error?: string
}

const routes: Replay = (one, file) => {
  const { config, labels, receivers } = one as unknown as RouteCase
  const source = (file['configs'] as Record<string, string>)[config] ?? ''
  const { route } = readStagesConfig(source, config)
  return differing(
    'receivers',
    receivers,
    routesOf(route, labels).map(({ receiver }) => receiver),
  )
}

interface RouteCase {
  config: string
  labels: Labels
  receivers: string[]
}

const inhibitSilenceStatus: Replay = (one) => {
  const { alerts, queries, ...inputs } = one as unknown as StatusCase
  const now = Date.UTC(2026, 0, 1)
  const statuses = dispatcherOf(inputs, now).status(now)
  const got = statuses.map(({ alert, state, silencedBy, inhibitedBy }) => ({
    labels: alert.labels,
    fingerprint: alert.fingerprint,
    state,
    silencedBy,
    inhibited: inhibitedBy !== undefined,
  }))
  const wanted = alerts.map(({ labels, fingerprint, state, silencedBy, inhibited }) => ({
    labels,
    fingerprint,
    state,
    silencedBy: silencedBy.toSorted(),
    inhibited,
  }))
  const answers = queries.map(({ filter, silenced, inhibited, active }) =>
    got
      .filter((alert) => filter.every((text) => matchesAll(parseMatchers(text), alert.labels)))
      .filter((alert) => silenced === 'true' || alert.silencedBy.length === 0)
      .filter((alert) => inhibited === 'true' || !alert.inhibited)
      .filter((alert) => active === 'true' || alert.state !== 'active')
      .map((alert) => alert.fingerprint)
      .toSorted(),
  )
  return [
    ...differing('alerts', wanted.toSorted(byFingerprint), got.toSorted(byFingerprint)),
    ...differing(
      'queries',
      queries.map((query) => query.fingerprints.toSorted()),
      answers,
    ),
  ]
}

interface StatusCase {
  inhibitRules: unknown[]
  silences: {
    name: string
    kind: 'active' | 'pending' | 'expired-soon'
    matchers: ApiMatcher[]
  }[]
  posted: { labels: Labels; resolved: boolean }[]
  alerts: {
    labels: Labels
    fingerprint: string
    state: string
    silencedBy: string[]
    inhibited: boolean
  }[]
  queries: {
    filter: string[]
    silenced: string
    inhibited: string
    active: string
    fingerprints: string[]
  }[]
}

const byFingerprint = (a: { fingerprint: string }, b: { fingerprint: string }) =>
  a.fingerprint < b.fingerprint ? -1 : 1

/** As it stands at `now`, ms: what was posted and silenced came in a minute before. */
function dispatcherOf(
  { inhibitRules, silences, posted }: Pick<StatusCase, 'inhibitRules' | 'silences' | 'posted'>,
  now: number,
): Dispatcher {
  const before = now - 60_000
  const config = {
    route: { receiver: 'none' },
    receivers: [{ name: 'none' }],
    inhibit_rules: inhibitRules,
  }
  const dispatcher = createDispatcher(readStagesConfig(JSON.stringify(config), 'config'), before)
  for (const { name, kind, matchers } of silences) {
    const startsAt = kind === 'pending' ? now + 60_000 : before
    const endsAt = kind === 'expired-soon' ? now - 1000 : now + 3_600_000
    const request = { startsAt, endsAt, createdBy: 'oracle', comment: '' }
    // The recording program refused some of the random ones: then they are nowhere among the wanted.
    attempt(() =>
      dispatcher.silences.set({ ...request, matchers: matchers.map(ofApi) }, before, name),
    )
  }
  const alerts = posted.map(({ labels, resolved }) => ({
    labels,
    startsAt: before - 60_000,
    endsAt: resolved ? before - 1000 : now + 3_600_000,
  }))
  dispatcher.post(alerts, before)
  return dispatcher
}

export const alertmanagerReplays: Replays = {
  'alertmanager/fingerprints': fingerprints,
  'alertmanager/matching': matching,
  'alertmanager/matcher-parsing': matcherParsing,
  'alertmanager/time-intervals': timeIntervals,
  'alertmanager/routes': routes,
  'alertmanager/inhibit-silence-status': inhibitSilenceStatus,
  'alertmanager/timing': replayTiming,
}

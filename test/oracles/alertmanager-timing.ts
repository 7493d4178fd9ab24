/** Replays scenarios on a simulated clock: what is posted, silenced and answered when, and what is sent then. */
import { readStagesConfig } from '../../alerting/stages/config.ts'
import { createDispatcher, type Dispatcher } from '../../alerting/stages/dispatch.ts'
import type { Notification } from '../../alerting/stages/flush.ts'
import { type Labels } from '../../alerting/stages/labels.ts'
import type { MatcherText } from '../../alerting/stages/matcher.ts'
import { differing, type OracleCase, type Replay } from './oracle.ts'

/** A matcher as the API has it. */
export interface ApiMatcher {
  name: string
  value: string
  isRegex: boolean
  isEqual: boolean
}

export function ofApi({ name, value, isRegex, isEqual }: ApiMatcher): MatcherText {
  if (isRegex) return { name, op: isEqual ? '=~' : '!~', value }
  return { name, op: isEqual ? '=' : '!=', value }
}

/** Times in seconds. */
interface Action {
  at: number
  do: string
  labels?: Labels
  annotations?: Labels
  startsAt?: number
  endsAt?: number | 'now' | null
  matchers?: ApiMatcher[]
  secs?: number
  receiver?: string
  codes?: number[]
  /** Which of two gossiping instances it reaches. */
  peers?: number[]
}

interface Sent {
  t: number
  nominal: number | null
  receiver: string
  answered: number
  status: string
  groupKey: string
  groupLabels: Labels
  alerts: { labels: Labels; status: string; annotations: Labels }[]
}

interface TimingCase {
  config: string
  actions: Action[]
  observedUntil: number
  jitter: boolean
  notifications: Sent[]
}

/** The simulated clock's zero, ms. */
const zero = Date.UTC(2026, 0, 1)

export const replayTiming: Replay = (one) => {
  const { config, actions, observedUntil, jitter, notifications } = one as unknown as TimingCase
  const dispatcher = createDispatcher(readStagesConfig(withPorts(config), 'config'), zero)
  const codes = new Map<string, number[]>()
  const sent: Sent[] = []
  const runUntil = (end: number) => {
    for (;;) {
      const due = dispatcher.nextDue()
      if (due === undefined || due > end) return
      for (const notification of dispatcher.advance(due)) {
        sent.push(deliver(dispatcher, notification, codes, due))
      }
    }
  }
  for (const [index, action] of actions.entries()) {
    const now = zero + action.at * 1000
    runUntil(now)
    act(dispatcher, action, codes, now, index)
  }
  runUntil(zero + observedUntil * 1000)
  return [
    ...differing('notifications', shown(notifications), shown(sent)),
    ...(jitter ? lateOnes(notifications, sent) : []),
  ]
}

/** Where a recorded configuration only says that there was a port. */
function withPorts(config: string): string {
  return config.replaceAll(/:(?:PORT|SMTP)\b/g, ':9')
}

function act(
  dispatcher: Dispatcher,
  action: Action,
  codes: Map<string, number[]>,
  now: number,
  index: number,
): void {
  if (action.do === 'fire' || action.do === 'resolve') {
    const { labels = {}, annotations = {}, startsAt, endsAt } = action
    const end = endsAt === 'now' ? now : now + Number(endsAt) * 1000
    const ends = endsAt === null || endsAt === undefined ? {} : { endsAt: end }
    const starts = startsAt === undefined ? {} : { startsAt: zero + startsAt * 1000 }
    const refused = dispatcher.post([{ labels, annotations, ...starts, ...ends }], now)
    if (refused[0]) throw new Error(refused[0].sentence)
  } else if (action.do === 'silence') {
    const matchers = (action.matchers ?? []).map(ofApi)
    const request = { startsAt: now, endsAt: now + (action.secs ?? 0) * 1000, createdBy: '' }
    dispatcher.silences.set({ ...request, comment: '', matchers }, now, `s${index}`)
  } else if (action.do === 'fail') {
    codes.set(action.receiver ?? '', [...(action.codes ?? [])])
  } else {
    throw new Error(`no such action: ${action.do}`)
  }
}

function deliver(
  dispatcher: Dispatcher,
  notification: Notification,
  codes: Map<string, number[]>,
  now: number,
): Sent {
  const { receiver, status, groupKey, groupLabels, alerts, attempt } = notification
  const code = codes.get(receiver)?.shift() ?? 200
  const refusal = code >= 500 ? 'retry' : 'failed'
  dispatcher.answer(notification.id, code < 300 ? 'sent' : refusal, now)
  const t = (now - zero) / 1000
  return {
    t,
    nominal: attempt > 1 ? null : Math.round(t * 2) / 2,
    receiver,
    answered: code,
    status,
    groupKey,
    groupLabels,
    alerts: alerts.map(({ labels, status, annotations }) => ({ labels, status, annotations })),
  }
}

/** By nominal time, retries in their order; those of one moment by group, as their order is chance. */
function shown(sent: readonly Sent[]) {
  const told = sent.map(
    ({ nominal, receiver, answered, status, groupKey, groupLabels, alerts }) => ({
      nominal,
      receiver,
      answered,
      status,
      groupKey,
      groupLabels,
      alerts,
    }),
  )
  return told.toSorted(
    (a, b) =>
      (a.nominal === null || b.nominal === null ? 0 : a.nominal - b.nominal) ||
      compare(a.groupKey, b.groupKey) ||
      compare(a.receiver, b.receiver),
  )
}

const compare = (a: string, b: string) => (a < b ? -1 : Number(a > b))

/** A retry's wait is random between half and one and a half of its middle, which is ours. */
function lateOnes(wanted: readonly Sent[], got: readonly Sent[]): string[] {
  return wanted.flatMap(({ t, nominal }, i) => {
    const [before, ours, oursBefore] = [wanted[i - 1], got[i], got[i - 1]]
    if (nominal !== null || !before || !ours || !oursBefore) return []
    const [wait, middle] = [t - before.t, ours.t - oursBefore.t]
    const within = wait >= middle * 0.5 && wait <= middle * 1.5 + 0.1
    return within ? [] : [`retry ${i}: wanted after ${wait} s, got after ${middle} s`]
  })
}

/**
 * There is one notifier here and no gossip. A scenario with two can be replayed where both always get the same and live; else
 * its times are those of the peers waiting for each other.
 */
export function needsPeers(one: OracleCase): string | undefined {
  const { actions } = one as unknown as TimingCase
  const peers = new Set(actions.flatMap(({ peers }) => peers ?? []))
  if (!actions.some((action) => action.peers)) return undefined
  const simple = actions.every(
    (action) => actionsOfOne.has(action.do) && action.peers?.length === 2,
  )
  return simple && peers.size === 2 ? undefined : 'its times come of gossip between two peers'
}

const actionsOfOne: ReadonlySet<string> = new Set(['fire', 'resolve', 'silence', 'fail'])

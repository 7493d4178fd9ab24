import type { BusRecord } from '../pipeline/bus/bus.ts'
import type { AlertmanagerSettings } from './channels/alertmanager.ts'
import type { Channel } from './channels/channel.ts'
import type { MailOptions } from './channels/mail.ts'
import { openIntegration } from './channels/of-integration.ts'
import { openDispatching, type DispatchingOptions } from './dispatching.ts'
import { openEvaluator, type Evaluator, type EvaluatorOptions } from './evaluator.ts'
import { openForwarding } from './forwarding.ts'
import { openHeartbeat } from './heartbeat.ts'
import { linksOf } from './message/links.ts'
import { openNotifier, type NotifierOptions } from './notifier.ts'
import { openAlerts, ownAlert } from './own-alerts.ts'
import {
  decodeSome,
  healthKey,
  incidentOf,
  progressKey,
  stateKey,
  type Notification,
  type OwnedState,
  type RuleHealth,
} from './records.ts'
import { openRendering } from './rendering.ts'
import { compileRules, type BadRule, type RuleFault } from './rules/compile.ts'
import type { Schedule } from './rules/cron.ts'
import type { RuleDeclaration } from './rules/rule.ts'
import { resolvedRetentionMs } from './rules/state.ts'
import type { StagesConfig } from './stages/config.ts'
import {
  openAlertmanager,
  openDirect,
  openHeartbeatChannel,
  type DirectSettings,
  type HeartbeatSettings,
} from './ways.ts'
import { explainValue } from './words.ts'
import { faultyViews } from './written.ts'

export interface AlertingOptions
  extends
    Omit<EvaluatorOptions, 'rules' | 'onTransition' | 'publish'>,
    Omit<NotifierOptions, 'channels' | 'leftovers' | 'mutedBy'>,
    Pick<MailOptions, 'stepTimeoutMs'>,
    DirectSettings {
  rules: RuleDeclaration[]
  /** Those of the settings that were set aside for their faults: what they have firing is kept, not resolved. */
  badRules?: readonly BadRule[]
  /** Alertmanager's configuration: who is told of what, and when. */
  stages: StagesConfig
  /** Hosts that receivers over HTTP may lead to. */
  hosts: readonly string[]
  /** Alertmanagers that are given the alerts of our own rules. */
  alertmanagers?: readonly AlertmanagerSettings[]
  /** Who is told from time to time that all works. */
  heartbeat?: HeartbeatSettings
  /** See `DispatchingOptions.held`. */
  held?: DispatchingOptions['held']
  /** When the receivers are tested. */
  drill?: Schedule
}

/** An alert for people to look at. */
export interface CurrentAlert {
  incident: string
  alert: string
  service?: string
  state: 'pending' | 'firing' | 'unknown' | 'resolved'
  /** When the condition began to hold, ms. */
  since: number
  resolvedAt?: number
  /** Absent where there is none: it is about what is not measured. */
  value?: number
  /** `> 5` */
  threshold: string
  /** `7.2 errors/s > 5` */
  explanation: string
  /** Percent of its last 21 states that were changes, while it flaps. */
  flapping?: number
  labels: Record<string, string>
  annotations: Record<string, string>
  /** To what is behind it: lines, changes, the service. */
  link: string
}

export interface Alerting {
  /** Pending, firing and unknown alerts, and those resolved in the last 15 minutes. */
  alerts(): CurrentAlert[]
  /** Each declared rule with its alerts; a faulty one has its fault as error. */
  rules(): (RuleHealth & { active: number })[]
  trouble(): string | undefined
  /** The last evaluation time, ms. */
  through(): number | undefined
  close(): Promise<void>
}

/** Opens rules and notifications. A faulty rule stops no other; throws Trouble where the settings of a way are none. */
export async function openAlerting(options: AlertingOptions): Promise<Alerting> {
  const { signals, clock, log } = options
  const compiled = compileRules(options.rules, signals, options.badRules)
  for (const fault of compiled.faults) log.error(fault, 'a fault in an alert rule')
  let states: () => readonly OwnedState[] = () => []
  const direct = openDirect(options, () => states())
  const early: Notification[] = []
  let told: Told | undefined
  const evaluator = await openEvaluator({
    ...options,
    rules: compiled,
    onTransition({ to, alert, facts, ts }, notification) {
      const { fingerprint } = alert
      log.info({ alert: facts.alert, fingerprint, to, ts }, 'an alert changed')
      const isNews = to === 'firing' || to === 'resolved'
      if (isNews) told?.dispatching.post(ownAlert({ alert, facts }, options.publicUrl()))
      if (!notification) return
      if (told) told.notifier.add(notification)
      else early.push(notification)
    },
  })
  states = evaluator.states
  const opened = openTold(options, evaluator, direct)
  told = opened
  for (const notification of early) opened.notifier.add(notification)
  const trouble = () =>
    faultTrouble(compiled.faults) ?? evaluator.trouble() ?? troubleOf(Object.values(opened))
  const heartbeat = options.heartbeat && beating(options, options.heartbeat, trouble)

  return {
    alerts: () => viewsOf(evaluator.states(), clock.now(), options.publicUrl()),
    rules: () =>
      withActive([...evaluator.health(), ...faultyViews(compiled.faults)], evaluator.states()),
    trouble: () => trouble() ?? heartbeat?.trouble(),
    through: evaluator.through,
    async close() {
      await Promise.all([heartbeat?.close(), evaluator.close()])
      await Promise.all(Object.values(opened).map((one) => one.close()))
    },
  }
}

type Told = ReturnType<typeof openTold>

/** All that tells somebody: by routes, each incident by itself, and other Alertmanagers. */
function openTold(options: AlertingOptions, evaluator: Evaluator, direct: readonly Channel[]) {
  const { alertmanagers = [], publicUrl } = options
  const { leftovers } = evaluator
  const dispatching = openDispatching({
    ...options,
    config: options.stages,
    records: evaluator.records,
    own: openAlerts(evaluator.states(), { ...evaluator.records, leftovers }, publicUrl()),
    open: (receiver, integration) => openIntegration(integration, { ...options, name: receiver }),
    direct,
    render: openRendering({ ...options, states: evaluator.states }),
  })
  const forwarding = openForwarding({
    ...options,
    channels: alertmanagers.map((one) => openAlertmanager(one, options)),
    states: evaluator.states,
  })
  const { mutedBy } = dispatching
  const notifier = openNotifier({ ...options, channels: direct, leftovers, mutedBy })
  return { dispatching, forwarding, notifier }
}

const troubleOf = (parts: readonly { trouble(): string | undefined }[]) =>
  parts.map((one) => one.trouble()).find((one) => one !== undefined)

function beating(
  options: AlertingOptions,
  settings: HeartbeatSettings,
  trouble: () => string | undefined,
) {
  const channel = openHeartbeatChannel(settings, options)
  return openHeartbeat({ ...options, channel, everyMs: settings.everyMs, ill: trouble })
}

/** How the rules were evaluated by another process, lately. */
export function viewRules(latest: ReadonlyMap<string, BusRecord>): {
  rules: (RuleHealth & { active: number })[]
  through: number | undefined
} {
  const { health, states, progress } = decodeSome(latest, healthKey, stateKey(''), progressKey)
  return { rules: withActive(health, states), through: progress?.through }
}

function withActive(rules: readonly RuleHealth[], states: readonly OwnedState[]) {
  return rules.map((rule) => ({
    ...rule,
    active: states.filter((state) => isActive(state, rule.alert)).length,
  }))
}

const isActive = ({ alert }: OwnedState, name: string) =>
  alert.state !== 'inactive' && alert.labels['alertname'] === name

/** What an evaluator, perhaps in another process, has written to the topic `alerts`. */
export function viewAlerts(
  latest: ReadonlyMap<string, BusRecord>,
  nowMs: number,
  publicUrl: string | undefined,
): CurrentAlert[] {
  return viewsOf(decodeSome(latest, stateKey('')).states, nowMs, publicUrl)
}

/** One that flaps is remembered for longer than it is shown. */
function viewsOf(states: readonly OwnedState[], nowMs: number, publicUrl: string | undefined) {
  return states
    .filter(
      ({ alert: { flap, resolvedAt = nowMs } }) =>
        !flap || nowMs - resolvedAt <= resolvedRetentionMs,
    )
    .map((state) => viewOf(state, nowMs, publicUrl))
}

function viewOf({ alert, facts }: OwnedState, nowMs: number, publicUrl: string | undefined) {
  const ts = alert.resolvedAt ?? nowMs
  const incident = incidentOf(alert)
  const { comparison } = facts
  const { service } = alert.group
  return {
    incident,
    alert: facts.alert,
    ...(service === undefined ? {} : { service }),
    state: shownState(alert),
    since: alert.activeAt,
    ...(alert.resolvedAt === undefined ? {} : { resolvedAt: alert.resolvedAt }),
    ...(Number.isNaN(alert.value) ? {} : { value: alert.value }),
    threshold: comparison ? `${comparison.operator} ${comparison.right}` : facts.when,
    explanation: explainValue(facts, alert, ts),
    ...(alert.flap?.isFlapping ? { flapping: alert.flap.percent } : {}),
    labels: alert.labels,
    annotations: alert.annotations,
    link: linksOf(publicUrl ?? '', { facts, alert, ts })[0].url,
  } satisfies CurrentAlert
}

function shownState({ state, unknownSince }: OwnedState['alert']): CurrentAlert['state'] {
  if (state === 'inactive') return 'resolved'
  return unknownSince === undefined ? state : 'unknown'
}

function faultTrouble(faults: readonly RuleFault[]): string | undefined {
  const [first, ...more] = faults
  if (!first) return undefined
  const name = first.alert === undefined ? '' : ` (${first.alert})`
  const others = more.length > 0 ? `, and ${more.length} more` : ''
  const place = first.path === '' ? '' : `${first.path}${name}: `
  return `${place}${first.message}${others}: correct it in the settings`
}

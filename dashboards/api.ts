import type { BacktestLine, BacktestQuestion } from '../pipeline/backtest.ts'
import type { DecisionDoc, Override, ScalingStatus } from '../pipeline/decision.ts'
import type { ChangeDoc, DeadLetter, Level, LogDoc } from '../pipeline/event.ts'
import type { Clock } from '../pipeline/clock.ts'
import type { Logger } from '../pipeline/log.ts'
import type { Lag } from '../pipeline/health.ts'
import type { Metrics } from '../pipeline/metrics.ts'
import type { RuleFacts } from '../pipeline/covers.ts'
import type {
  NotificationDesk,
  ParseMatcher,
  ReceiverTrial,
} from '../pipeline/notification-desk.ts'
import type { PostureView } from '../pipeline/posture-view.ts'
import type { Readiness } from '../pipeline/readiness.ts'
import type { PostMortem, TaskMatch } from '../pipeline/post-mortem/find.ts'
import type { ProcessView } from '../pipeline/presence.ts'
import type {
  MarathonState,
  ServiceState as ServiceFacts,
  TaskState,
} from '../pipeline/service-state.ts'
import type { ScalingDesk, ScalingPause } from '../pipeline/scaling-desk.ts'
import type { SignalDeclaration, SignalDeclarations } from '../pipeline/signals.ts'
import type { SimulationLine, SimulationQuestion } from '../pipeline/simulation.ts'
import type { Losses } from '../pipeline/store/losses.ts'
import type { Store } from '../pipeline/store/store.ts'
import type { AlertAnswer } from './alertmanager/answers.ts'

/** What the HTTP API needs of the rest of the program, handed in as functions. */
export interface DashboardsOptions {
  store: Store
  tail: Tail
  health: () => HealthView
  /** All processes of the cluster. */
  processes?: () => ProcessView[]
  metrics: Metrics
  /** Current alerts, and the resolved ones that are still remembered. */
  alerts: () => AlertView[]
  /** Each rule with its health, as far as this process knows it. */
  rules?: () => Answers['/api/rules']
  /** The declared signals, by name. */
  signals?: SignalDeclarations
  /** Services as Marathon tells them. */
  serviceFacts?: () => ServiceFacts[]
  marathons?: () => MarathonState[]
  /** How services are run, as it is held. */
  postures?: Pick<PostureView, 'get' | 'services'>
  /** The rules that look at a service. */
  covering?: (service: string) => RuleFacts[]
  /** Those that are declared. */
  retentionClasses?: readonly string[]
  /** Services with a scaling policy. */
  scaling?: () => ScalingStatus[]
  /** Where scaling is paused. */
  scalingDesk?: ScalingDesk
  /** Gives the originals of dead letters back to the bus, in somebody's name. */
  redrive?: (
    letters: readonly DeadLetter[],
    by: string,
  ) => Promise<{ sent: string[]; impossible: { id: string; reason: string }[] }>
  /** Tells line by line what a rule would have told; throws Trouble for one that is none, or while another is running. */
  backtest?: (question: BacktestQuestion) => AsyncIterable<BacktestLine>
  /** Tells line by line what a scaling policy would have decided; throws Trouble as `backtest` does. */
  simulate?: (question: SimulationQuestion) => AsyncIterable<SimulationLine>
  /** The demo's mail catcher, newest first or last; the page sorts. */
  mails?: () => MailView[] | Promise<MailView[]>
  /** The demo's faults. */
  faults?: Faults
  /** The part that notifies: behind Alertmanager's API. Both are given, or neither. */
  desk?: NotificationDesk
  parseMatcher?: ParseMatcher
  /** Of the program, as it tells it of itself. */
  version?: string
  clock: Clock
  log: Logger
  listen: { host: string; port: number }
  /** Without one only this machine may ask. */
  token?: string
  /** The address people use (`https://logs.example.org`), where it is not the one listened on. */
  publicUrl?: string
  /** How often a quiet live tail says that it lives, ms; 10 s unless set. */
  heartbeatMs?: number
}

export interface Dashboards {
  /** `http://127.0.0.1:8900`, with the port really taken. */
  url: string
  /** Ends live tails and requests under way, frees the port. */
  close(): Promise<void>
}

/** Which new lines a live tail is given. */
export interface TailFilter {
  /** Exact names; any of them; all services where absent. */
  services?: string[]
  /** Not these. */
  without?: string[]
  query?: string
  levels?: Level[]
  task?: string
  /** RE2. */
  grep?: string
}

/** Hands over new matching lines until the signal aborts, then resolves; rejects with a Trouble if it cannot. */
export type Tail = (
  filter: TailFilter,
  onLines: (docs: LogDoc[]) => void,
  signal: AbortSignal,
) => Promise<void>

/** One line of `GET /api/tail`; an empty line says only that the connection lives. */
export type TailLine = LogDoc | { dropped: number } | { error: string; remedy?: string }

export const alertStates = ['inactive', 'pending', 'firing', 'resolved', 'unknown'] as const
export type AlertState = (typeof alertStates)[number]

export interface AlertView {
  /** One incident is one series of mails: from pending to resolved. */
  incident: string
  alert: string
  service?: string
  state: AlertState
  /** When the trouble began (for `resolved`: the one that is over), ms. */
  since: number
  /** When it ended, ms. */
  resolvedAt?: number
  /** The last measured value; absent where there is no data. */
  value?: number
  /** What the value is held against, for people: `> 5 errors/s`. */
  threshold: string
  /** Both in a few words: `5.2 errors/s > 5`, `no line for 30s`. */
  explanation?: string
  /** Percent of its last 21 states that were changes, while it flaps. */
  flapping?: number
  labels: Record<string, string>
  annotations: Record<string, string>
  /** To exactly those lines. */
  link?: string
}

/** A rule, and how it was evaluated last. */
export interface RuleView {
  alert: string
  when: string
  /** Pending and firing alerts of it. */
  active: number
  /** Evaluation time, ms; absent before the first. Another process tells it each ten seconds. */
  lastEvaluation?: number
  durationMs?: number
  /** Why it cannot be evaluated. */
  error?: string
}

export interface HealthView {
  status: 'green' | 'amber' | 'red'
  components: ComponentHealth[]
  /** What has been written and not been read yet, the worst first. */
  lags?: Lag[]
}

/** `/api/health`: of this process, and the worst of all. */
export interface ClusterHealth extends HealthView {
  /** All processes of the cluster, where there are several. */
  processes: ProcessView[]
}

export interface ComponentHealth {
  name: string
  status: HealthView['status']
  trouble?: string
  remedy?: string
  behindSeconds?: number
}

export interface MailView {
  /** ms. */
  receivedAt: number
  from: string
  to: string
  subject: string
  messageId: string
  text: string
  html?: string
}

export interface FaultView {
  name: string
  sentence: string
}

export interface Faults {
  list: () => FaultView[] | Promise<FaultView[]>
  /** Resolves when it has begun; with a sentence of how it will be, if there is more to say. */
  apply: (name: string) => Promise<string | void>
}

/** What a chart needs to know of a signal. */
export type SignalFacts = Pick<
  SignalDeclaration,
  'from' | 'measure' | 'metric' | 'field' | 'counter' | 'value' | 'overMs' | 'unit'
>

/** A signal over time for one service, its tasks merged: one value a step, null where nothing was measured. */
export interface SeriesView extends SignalFacts {
  signal: string
  values: (number | null)[]
}

/** Instances as Marathon tells them. */
export interface InstancesView {
  wanted: number
  running: number
  healthy: number
  staged: number
  unhealthy: number
  /** When Marathon told it, ms. */
  atMs: number
}

/** One instance of a service. */
export interface TaskView {
  task: string
  state: string
  agent?: string
  version?: string
  healthy?: boolean
  startedMs?: number
  /** Of its limit, 0 to 1 (and above). */
  cpu?: number
  memory?: number
}

export const serviceStates = ['firing', 'unknown', 'pending', 'silent', 'ok'] as const
export type ServiceState = (typeof serviceStates)[number]

/** One row of `GET /api/services`, the most ill first. */
export interface ServiceView {
  service: string
  state: ServiceState
  /** When its oldest open alert began, ms. */
  since?: number
  /** Names of its open alerts. */
  alerts: string[]
  lines: number
  errors: number
  levels: Partial<Record<Level, number>>
  /** Newest first, at most 100. */
  tasks: string[]
  taskCount: number
  /** Time of its newest line, ms; absent if it never wrote. */
  lastMs?: number
  /** Lines and errors in equal steps over the range; absent beyond the first 60 services. */
  spark?: Spark
  /** What it wrote since so long ago has not been read yet; absent where it is not behind. */
  behindSeconds?: number
  instances?: InstancesView
  owner?: string
  runbook?: string
  version?: string
  /** Ids of the deployments that touch it now. */
  deployments?: string[]
  /** Until when its scaling is paused, ms. */
  pausedUntil?: number
  /** What offers lack while instances wait in Marathon's queue. */
  waitingFor?: string[]
  /** The newest values of the charted signals (`charted`), over the last two minutes. */
  now?: Partial<Record<Charted, number>>
  /** The same over the range, in the steps of `spark`. */
  charts?: Partial<Record<Charted, (number | null)[]>>
}

/** Signals that are drawn for every service, if they are declared. */
export const charted = ['cpu', 'memory', 'requests', 'errors'] as const
export type Charted = (typeof charted)[number]

export interface Spark {
  from: number
  bucketMs: number
  lines: number[]
  errors: number[]
}

export interface LossAudit extends Losses {
  /** Lines that were written since so long ago may not be here yet; absent where nobody knows. */
  behindSeconds?: number
  /** Which services wait longest, and for what. */
  lags: Lag[]
}

/** `redrivable`: its original is kept, and can be given back. */
export type DeadView = DeadLetter & { redrivable: boolean }

/** What the routes answer, by path; all times are ms since the epoch unless they stand in a document. */
export interface Answers {
  '/api/services': { from: number; to: number; services: ServiceView[] }
  '/api/logs': { from?: number; to?: number; services?: string[]; hits: LogDoc[]; next?: string }
  '/api/logs/context': { id: string; lines: LogDoc[] }
  /** One service in full; 404 where nothing is known of it. */
  '/api/service': { service: ServiceView; tasks: TaskView[]; scaling?: ScalingStatus }
  '/api/readiness': { readiness: Readiness }
  '/api/catalog': { services: CatalogService[] }
  /** As Prometheus wants it: a list without anything around it. */
  '/api/prometheus/targets': TargetGroup[]
  '/api/signals': { signals: Record<string, SignalFacts> }
  '/api/series': { from: number; to: number; stepMs: number; series: SeriesView[] }
  '/api/scaling': {
    scaling: ScalingStatus[]
    pauses: ScalingPause[]
    marathons: MarathonState[]
  }
  '/api/scaling/pause': { pause: ScalingPause }
  /** `ended`, `override`: absent where it was not paused, or set by hand. `others`: pauses by which it still is paused. */
  '/api/scaling/resume': {
    service: string
    ended?: ScalingPause
    override?: Override
    others: ScalingPause[]
  }
  '/api/decisions': { decisions: DecisionDoc[] }
  '/api/alerts': { alerts: AlertView[]; history: ChangeDoc[] }
  /** `through`: the last evaluation time, ms, where this process evaluates. */
  '/api/rules': { rules: RuleView[]; through?: number }
  /** What a silence would mute now: how many alerts, and at most 1,000 of them. */
  '/api/notify/test': { results: ReceiverTrial[] }
  '/api/silences/preview': { count: number; alerts: AlertAnswer[] }
  '/api/changes': { changes: ChangeDoc[] }
  /** Without `postMortem` none is known, or several are meant. `rows` are its facts in words. */
  '/api/tasks/why': { matches: TaskMatch[]; postMortem?: PostMortem; rows?: [string, string][] }
  '/api/dead': { dead: DeadView[] }
  /** Of letters that were (with `dry`: would be) given back to the bus, and why others cannot be. */
  '/api/dead/redrive': {
    dry: boolean
    sent: string[]
    impossible: { id: string; reason: string }[]
  }
  '/api/gaps': LossAudit
  '/api/mails': { demo: boolean; mails: MailView[] }
  '/api/demo/faults': { demo: boolean; faults: FaultView[] }
}

/** A service as Marathon tells it, with its tasks. */
export interface CatalogService {
  service: string
  kind: 'app' | 'pod'
  owner?: string
  runbook?: string
  version?: string
  image?: string
  labels: Record<string, string>
  instances: InstancesView
  /** Ids of those that touch it now. */
  deployments: string[]
  tasks: TaskState[]
}

/** A group of Prometheus' HTTP service discovery. */
export interface TargetGroup {
  targets: string[]
  labels: Record<string, string>
}

/** Every failure. */
export interface ErrorAnswer {
  error: string
  remedy?: string
  /** Where a service name is ambiguous: what it can mean. */
  matches?: string[]
}

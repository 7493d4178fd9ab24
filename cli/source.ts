import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { AlertView, Answers, DeadView, LossAudit, ServiceView } from '../dashboards/api.ts'
import type { DecisionDoc, ScalingStatus } from '../pipeline/decision.ts'
import { errorCode, explain, Trouble } from '../pipeline/errors.ts'
import { isoToMs, type DeadLetter, type LogDoc } from '../pipeline/event.ts'
import { identityFromEcs } from '../pipeline/identity.ts'
import type { Readiness } from '../pipeline/readiness.ts'
import { findLosses, type Losses } from '../pipeline/store/losses.ts'
import { findPostMortem, type Found } from '../pipeline/post-mortem/find.ts'
import type {
  AuditScope,
  LogPage,
  LogQuery,
  ServiceSummary,
  StoredDoc,
  TimeRange,
} from '../pipeline/store/store.ts'
import { isAway, openApi, type Address, type Api, type Query } from './api.ts'
import type { CommandContext, ReadStore } from './parts.ts'
import { meantService } from './meant-service.ts'
import { nothing } from './report.ts'

/** Where a command reads: a running process, or the store it left. */
export interface Source {
  /** Undefined where no process is running. */
  api: Api | undefined
  /** The most ill first; how they stand only a running process knows. */
  services(range: TimeRange): Promise<KnownService[]>
  search(query: LogQuery): Promise<LogPage>
  alerts(): Promise<AlertView[]>
  /** Only a running process knows them. */
  rules(): Promise<Answers['/api/rules']>
  dead(range: TimeRange, limit: number): Promise<DeadView[]>
  /** Whether all lines are there; how far behind that is only a running process knows. */
  losses(scope: AuditScope): Promise<Losses & Partial<LossAudit>>
  /** Why a task ended. */
  why(task: string): Promise<Found>
  /** Newest first. */
  changes(query: ChangesQuery, limit: number): Promise<StoredDoc[]>
  /** Services with a scaling policy; of a store, those on which something was decided. */
  scaling(): Promise<ScalingStatus[]>
  /** Only a running process knows; `service` as a person names it. */
  readiness(service: string): Promise<Readiness>
  /** Newest first. */
  decisions(query: DecisionQuery, limit: number): Promise<DecisionDoc[]>
  close(): Promise<void>
}

export type KnownService = ServiceSummary &
  Partial<Pick<ServiceView, 'state' | 'since' | 'instances'>>

export interface ChangesQuery extends TimeRange {
  /** As a person names it. */
  services?: string[]
  kinds?: string[]
}

export interface DecisionQuery extends TimeRange {
  /** As a person names it. */
  service: string
}

/**
 * Opens what is there of a data directory: the process that runs on it, if it answers, else its store. Throws
 * Trouble where there is neither.
 */
export async function openSource(dir: string, context: CommandContext): Promise<Source> {
  if (!existsSync(dir)) {
    throw new Trouble(`there is no ${dir}`, {
      remedy: 'start mesoscope run or mesoscope demo, or name the directory with --data',
    })
  }
  const address = readAddress(dir)
  if (address) {
    const api = openApi(address)
    if (await answers(api)) return apiSource(api)
    context.io.err(`mesoscope: nobody answers at ${address.url}; reading the store in ${dir}\n`)
  }
  return storeSource(await context.openStoreReadOnly(dir))
}

/** The Mesoscope at an address. Throws Trouble where it does not answer. */
export async function openRemote(address: Address): Promise<Source> {
  const api = openApi(address)
  await api.get('/api/health')
  return apiSource(api)
}

/** The address a running process left in `dir`; undefined if there is none. */
export function readAddress(dir: string): Address | undefined {
  const file = join(dir, 'process.json')
  try {
    const { url, token, pid } = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>
    if (typeof url !== 'string' || !/^https?:\/\//.test(url) || !URL.canParse(url)) return undefined
    return {
      url,
      ...(typeof token === 'string' && token !== '' && { token }),
      ...(typeof pid === 'number' && { pid }),
    }
  } catch (error) {
    // Being written, or cut off by a crash: as good as none.
    const none = ['ENOENT', 'ENOTDIR'].includes(errorCode(error) ?? '')
    if (none || error instanceof SyntaxError) return undefined
    throw new Trouble(`cannot read ${file}: ${explain(error)}`, {
      remedy: 'run this as the user who runs Mesoscope',
      cause: error,
    })
  }
}

async function answers(api: Api): Promise<boolean> {
  try {
    await api.get('/api/health')
    return true
  } catch (error) {
    if (isAway(error)) return false
    throw error
  }
}

function apiSource(api: Api): Source {
  const list = async <T>(path: string, key: string, query: Query = {}) => {
    const answer = await api.get<Record<string, unknown> | null>(path, query)
    const found = answer?.[key]
    if (!Array.isArray(found)) throw new Trouble(`${api.address.url}${path} answers without ${key}`)
    return found as T[]
  }
  return {
    api,
    services: ({ from, to }) => list('/api/services', 'services', { from, to }),
    search: (query) => searchApi(api, query),
    alerts: () => list('/api/alerts', 'alerts'),
    async rules() {
      const answer = await api.get<Answers['/api/rules'] | null>('/api/rules')
      if (Array.isArray(answer?.rules)) return answer
      throw new Trouble(`${api.address.url}/api/rules answers without rules`)
    },
    dead: ({ from, to }, limit) => list('/api/dead', 'dead', { from, to, limit }),
    async losses({ services, from, to }) {
      const losses = await api.get<LossAudit | null>('/api/gaps', { service: services, from, to })
      if (Array.isArray(losses?.gaps) && Array.isArray(losses.told)) return losses
      throw new Trouble(`${api.address.url}/api/gaps answers without gaps`)
    },
    async why(task) {
      const found = await api.get<Found | null>('/api/tasks/why', { task })
      if (Array.isArray(found?.matches)) return found
      throw new Trouble(`${api.address.url}/api/tasks/why answers without matches`)
    },
    changes: ({ services, kinds, from, to }, limit) =>
      list('/api/changes', 'changes', { service: services, kind: kinds?.join(), from, to, limit }),
    scaling: () => list('/api/scaling', 'scaling'),
    async readiness(service) {
      const answer = await api.get<Answers['/api/readiness'] | null>('/api/readiness', { service })
      if (Array.isArray(answer?.readiness?.points)) return answer.readiness
      throw new Trouble(`${api.address.url}/api/readiness answers without points`)
    },
    decisions: ({ service, from, to }, limit) =>
      list('/api/decisions', 'decisions', { service, from, to, limit }),
    close: async () => {},
  }
}

/** One page of `/api/logs`. */
export async function searchApi(api: Api, query: LogQuery): Promise<LogPage> {
  const page = await api.get<LogPage | null>('/api/logs', searchParams(query))
  if (Array.isArray(page?.hits) && page.hits.every(isLogDoc)) return page
  throw new Trouble(`${api.address.url} answers something that is no page of lines`, {
    remedy: 'compare its version with that of this command',
  })
}

/** Whether an answer is an event, as far as printing it goes. */
export function isLogDoc(value: unknown): value is LogDoc {
  const doc = (value ?? {}) as Record<string, unknown>
  const fields = ['@timestamp', 'event.id', 'log.level', 'message']
  return fields.every((field) => typeof doc[field] === 'string')
}

/** A query to the store as parameters of `/api/logs` and, without times and pages, of `/api/tail`. */
export function searchParams(query: LogQuery): Query {
  const { services, levels, ...rest } = query
  return { ...rest, service: services, ...(levels && { level: levels.join(',') }) }
}

function storeSource(store: ReadStore): Source {
  const exact = async <Of extends AuditScope>({ services, ...query }: Of) => {
    if (!services) return query
    const known = (await store.services({})).map(({ service }) => service)
    return { ...query, services: services.map((name) => theOnly(name, known)) }
  }
  return {
    api: undefined,
    services: (range) => store.services(range),
    search: async (query) => store.search(await exact(query)),
    alerts: async () => lastStates(await store.docs('changes', { kind: 'alert', limit: 1000 })),
    dead: async (range, limit) =>
      ((await store.docs('dead', { ...range, limit })) as DeadLetter[]).map(deadView),
    losses: async (scope) => findLosses(store, await exact(scope)),
    why: (task) => findPostMortem(store, task),
    changes: async (query, limit) => store.docs('changes', { ...(await exact(query)), limit }),
    scaling: () => lastDecisions(store),
    async rules() {
      throw new Trouble('how rules are evaluated only a running Mesoscope knows', {
        remedy: 'start it with mesoscope run, or name one elsewhere with --url',
      })
    },
    async readiness() {
      throw new Trouble('whether a service is fit only a running Mesoscope knows', {
        remedy: 'start it with mesoscope run, or name one elsewhere with --url',
      })
    },
    async decisions({ service, ...range }, limit) {
      const known = (await lastDecisions(store)).map((view) => view.service)
      const services = [theOnly(service, known, 'has a decision on scaling')]
      const docs = await store.docs('decisions', { ...range, services, limit })
      return docs as unknown as DecisionDoc[]
    },
    close: () => store.close(),
  }
}

/** What was decided last on each service, as far as the newest thousand decisions tell. */
async function lastDecisions(store: ReadStore): Promise<ScalingStatus[]> {
  const docs = (await store.docs('decisions', { limit: 1000 })) as unknown as DecisionDoc[]
  const views = new Map<string, ScalingStatus>()
  for (const { decision } of docs) {
    const { service, policy, from, to } = decision
    const view = views.get(service) ?? { service, policy, last: decision }
    if (from !== to) view.lastChange ??= decision
    views.set(service, view)
  }
  return [...views.values()].toSorted((a, b) => (a.service < b.service ? -1 : 1))
}

/** What the changes of alerts say of each incident last: where no process runs, nobody knows it better. */
function lastStates(changes: readonly StoredDoc[]): AlertView[] {
  const last = new Map<string, StoredDoc>()
  for (const change of changes.toSorted((a, b) => (a['@timestamp'] < b['@timestamp'] ? -1 : 1))) {
    const action = change['event.action']
    if (action === 'fired' || action === 'resolved') {
      last.set(String(change['alert.incident']), change)
    }
  }
  return [...last].map(([incident, change]) => ({
    incident,
    alert: String(change['alert.name']),
    service: identityFromEcs(change).service ?? '-',
    state: change['event.action'] === 'fired' ? 'firing' : 'resolved',
    since: isoToMs(change['@timestamp']),
    threshold: '-',
    labels: {},
    annotations: { summary: String(change['message']) },
  }))
}

function theOnly(name: string, known: readonly string[], what = 'has written a line'): string {
  const meant = meantService(name, known)
  if (meant !== undefined) return meant
  const listed = known.toSorted().slice(0, 20).join(', ')
  const remedy = known.length > 0 ? `services are ${listed}` : 'nothing was collected yet'
  throw nothing(`no service "${name}" ${what} yet`, remedy)
}

/** As the API shows it. */
function deadView({ original, ...letter }: DeadLetter): DeadView {
  return { ...letter, redrivable: original !== undefined }
}

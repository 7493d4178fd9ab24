import type { Decision, DecisionReason } from '../pipeline/decision.ts'
import { explain, Trouble } from '../pipeline/errors.ts'
import { killPoint } from '../pipeline/fault.ts'
import { parseJson, type HttpAnswer, type HttpClient } from '../pipeline/http.ts'
import { listed, quoted } from './words.ts'

export interface Change {
  service: string
  from: number
  to: number
}

export type ScaleResult = { done: true; answer: NonNullable<Decision['answer']> } | Refusal

export interface Refusal {
  done: false
  /** `held`: it was seen before anything was sent that it had better not be. */
  outcome: 'held' | 'failed'
  reason: DecisionReason
  /** The end of a sentence. */
  because: string
  answer?: Decision['answer']
  /** The same request will be refused again. */
  lasting: boolean
  /** It may have been done all the same. */
  isUnknown?: true
}

/** An app as it is right now. */
export interface FreshApp {
  instances: number
  /** Ids. */
  deployments: string[]
}

/**
 * Sets the instances of an app: after a fresh look, since Marathon knows no condition on a write; nothing else of the
 * app is sent, and a running deployment is never overridden. Never throws: what Marathon said, or that it said nothing,
 * is the result. To ask twice for the same number is harmless. `heldBack`: what came up before it is sent.
 */
export async function scale(
  http: HttpClient,
  change: Change,
  heldBack: () => Refusal | undefined = () => undefined,
): Promise<ScaleResult> {
  const fresh = await readApp(http, change.service)
  if ('done' in fresh) return fresh
  const against = objection(fresh, change) ?? heldBack()
  if (against) return against
  killPoint('scale:before-patch')
  const { answer, away } = await ask(http, change.service, {
    method: 'PATCH',
    body: { instances: change.to },
  })
  killPoint('scale:after-patch')
  if (!answer) return lookedAtAgain(http, change, away)
  const { status, body, message } = answer
  const isDone = status >= 200 && status <= 299
  if (!isDone || !isRecord(body)) {
    const said = isDone ? { ...answer, message: message || 'something that is no JSON' } : answer
    return lookedAtAgain(http, change, refusal(said))
  }
  const deployment = text(body['deploymentId']) ?? answer.headers['marathon-deployment-id']
  return { done: true, answer: { status, ...(deployment ? { deployment } : {}) } }
}

/** No answer, or none of Marathon itself, does not say that nothing was done: what is there does. */
async function lookedAtAgain(
  http: HttpClient,
  { service, to }: Change,
  refused: Refusal,
): Promise<ScaleResult> {
  if (refused.reason !== 'marathon-away') return refused
  const { because, answer } = refused
  const fresh = await readApp(http, service)
  if ('done' in fresh) {
    return { ...refused, because: `${because}; it may have been done`, isUnknown: true }
  }
  if (fresh.instances !== to) return refused
  const [deployment] = fresh.deployments
  const found = { ...(deployment ? { deployment } : {}), message: `found done: ${because}` }
  return { done: true, answer: { ...answer, ...found } }
}

/** Never throws. */
export async function readApp(http: HttpClient, service: string): Promise<FreshApp | Refusal> {
  const { answer, away } = await ask(http, service, {})
  if (!answer) return away
  const { status, body } = answer
  if (status < 200 || status > 299) return refusal(answer)
  const app = isRecord(body) ? body['app'] : undefined
  const instances = isRecord(app) ? app['instances'] : undefined
  if (!isRecord(app) || typeof instances !== 'number') {
    return refusal({ ...answer, message: answer.message || 'something that is no app' })
  }
  return { instances, deployments: idsOf(app['deployments']) }
}

/** `/v2/apps/shop/web`; every part of the id by itself, since it may hold any sign. */
export function pathOf(service: string): string {
  const parts = service.split('/').filter((part) => part !== '')
  return ['/v2/apps', ...parts.map(encodeURIComponent)].join('/')
}

function objection(
  { instances, deployments }: FreshApp,
  { from, to }: Change,
): Refusal | undefined {
  const held = { done: false, outcome: 'held', lasting: false } as const
  if (deployments.length > 0) {
    const because = `deployment ${listed(deployments)} was begun meanwhile`
    return { ...held, reason: 'deployment-running', because }
  }
  if (instances === from) return undefined
  const because = `${instances} instances are wanted by now, not ${from} as when ${to} was decided`
  return { ...held, reason: 'changed-meanwhile', because }
}

interface Answered extends HttpAnswer {
  body: unknown
  /** What it says, for a sentence; empty where it says nothing that can be read. */
  message: string
}

type Asked = { answer: Answered; away?: never } | { answer?: never; away: Refusal }

async function ask(
  http: HttpClient,
  service: string,
  request: { method?: 'PATCH'; body?: unknown },
): Promise<Asked> {
  try {
    // A URL would be led elsewhere by them.
    if (service.split('/').some((part) => part === '.' || part === '..')) {
      throw new Trouble(`${quoted(service, 80)} is no id of an app`)
    }
    const answer = await http.request(pathOf(service), request)
    const body = parsed(answer.text)
    return { answer: { ...answer, body, message: messageOf(answer, body) } }
  } catch (error) {
    const because = quoted(explain(error), 300)
    return {
      away: { done: false, outcome: 'failed', reason: 'marathon-away', because, lasting: false },
    }
  }
}

function refusal({ status, message, body }: Answered): Refusal {
  const deployments = isRecord(body) ? idsOf(body['deployments']) : []
  const { reason, lasting } = reasonOf(status, message)
  const locked = deployments.length > 0 ? `, locked by deployment ${listed(deployments)}` : ''
  const said = locked || (message === '' ? '' : `: ${message}`)
  return {
    done: false,
    outcome: 'failed',
    reason,
    because: `Marathon answered ${status}${said}`,
    answer: { status, ...(message === '' ? {} : { message }) },
    lasting,
  }
}

function reasonOf(status: number, message: string): { reason: DecisionReason; lasting: boolean } {
  switch (status) {
    case 409:
      return { reason: 'locked', lasting: false }
    case 404:
      return { reason: 'no-service', lasting: true }
    case 403:
      // Also the answer to who may not.
      return /deployments/i.test(message)
        ? { reason: 'deployment-limit', lasting: false }
        : { reason: 'refused', lasting: true }
    case 400:
    case 401:
    case 422:
      return { reason: 'refused', lasting: true }
    default:
      // Proxies answer 200 with a page of theirs; 5xx are those between leaders.
      return { reason: status < 300 || status >= 500 ? 'marathon-away' : 'refused', lasting: false }
  }
}

function messageOf({ text: said }: HttpAnswer, body: unknown): string {
  if (isRecord(body)) {
    const { message, details } = body
    const more = Array.isArray(details) ? details.flatMap(detailWords).join('; ') : ''
    return quoted([text(message), more].filter(Boolean).join(': '))
  }
  if (/^\s*</.test(said))
    return quoted(`HTML instead of JSON: ${said.replace(/<[^>]*>/g, ' ')}`, 120)
  return said.trim() === '' ? 'an empty body' : quoted(said, 120)
}

function detailWords(detail: unknown): string[] {
  if (!isRecord(detail)) return []
  const errors = Array.isArray(detail['errors']) ? detail['errors'].map(String).join(', ') : ''
  return [`${text(detail['path']) ?? ''} ${errors}`.trim()]
}

function parsed(said: string): unknown {
  try {
    return parseJson(said)
  } catch {
    return undefined
  }
}

function idsOf(deployments: unknown): string[] {
  if (!Array.isArray(deployments)) return []
  return deployments.flatMap((one) => (isRecord(one) ? (text(one['id']) ?? []) : []))
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const text = (value: unknown) => (typeof value === 'string' && value !== '' ? value : undefined)

import { isObject, partsOf, type Part, type Problem } from './answer.ts'

/*
 * Answers of Consul's HTTP API (https://developer.hashicorp.com/consul/api-docs/health), read without trust.
 */

/** The worst of an instance's checks decides; without checks it is passing. */
export const consulStatuses = ['passing', 'warning', 'critical'] as const
export type ConsulStatus = (typeof consulStatuses)[number]

/** One instance of a service. */
export interface ConsulInstance {
  /** Unique on its node. */
  id: string
  service: string
  node: string
  tags: string[]
  status: ConsulStatus
  /** The check that decided, and what it said. */
  check?: string
  output?: string
  /** When the catalog was changed by that check; tells two flips apart. */
  modifyIndex?: number
}

/** `/v1/catalog/services`: names with their tags; undefined where it is no such answer. */
export function readServices(value: unknown, problems: Problem[]): string[] | undefined {
  if (isObject(value)) return Object.keys(value).filter((name) => name !== '')
  problems.push({ path: '$', problem: 'expected an object of services' })
  return undefined
}

/** `/v1/health/service/:name`. */
export function readInstances(value: unknown, problems: Problem[]): ConsulInstance[] {
  return partsOf(value, problems).flatMap((part) => readInstance(part) ?? [])
}

function readInstance(part: Part): ConsulInstance | undefined {
  const service = part.part('Service')
  const node = part.part('Node')?.text('Node')
  const id = service?.text('ID')
  const name = service?.text('Service')
  if (!service || node === undefined || id === undefined || name === undefined) {
    part.note('an instance without node, id or service')
    return undefined
  }
  const tags: unknown = service.fields['Tags']
  return { id, service: name, node, tags: textsOf(tags), ...worstOf(part.parts('Checks') ?? []) }
}

function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((tag) => typeof tag === 'string') : []
}

type Health = Pick<ConsulInstance, 'status' | 'check' | 'output' | 'modifyIndex'>

/** Of the instance's own checks and its node's. One in maintenance is critical, by a check of that name. */
function worstOf(checks: readonly Part[]): Health {
  let worst: Health = { status: 'passing' }
  for (const check of checks) {
    const status = statusOf(check.text('Status'))
    const modifyIndex = check.number('ModifyIndex')
    const isWorse = consulStatuses.indexOf(status) > consulStatuses.indexOf(worst.status)
    if (!isWorse) continue
    worst = {
      status,
      check: check.text('Name') ?? check.text('CheckID') ?? 'a check',
      ...(check.has('Output') ? { output: check.text('Output') ?? '' } : {}),
      ...(modifyIndex === undefined ? {} : { modifyIndex }),
    }
  }
  return worst
}

/** `maintenance` is a status where answers are put together by others; what is not known is critical. */
function statusOf(text: string | undefined): ConsulStatus {
  return consulStatuses.find((status) => status === text) ?? 'critical'
}

import { words } from '../words.ts'
import { methodNotAllowed, refusal, type Answer, type Asked } from './libprocess.ts'

/** A call of the operator API: `{"type": "GET_STATE", …}`. */
export interface Call {
  type: string
  [field: string]: unknown
}

export type Read = { call: Call } | { refused: Answer }

/** Of the two, agents know one content type more than masters. */
export interface OperatorOptions {
  /** `master`, `agent`: for refusals. */
  of: 'master' | 'agent'
  /** All that are known, also those that are not served here. */
  calls: ReadonlySet<string>
}

const json = 'application/json'
const protobuf = 'application/x-protobuf'

/** The call that was posted, or why there is none: in the order in which Mesos looks. */
export function readCall(asked: Asked, options: OperatorOptions): Read {
  const refused = unreadable(asked, options)
  if (refused) return { refused }
  const value = parse(asked.body.toString('utf8'))
  if ('refused' in value) return value
  const { call } = value
  const lacks = lacking(call, options) ?? notAcceptable(asked, options)
  return lacks ? { refused: lacks } : { call: call as Call }
}

function unreadable(asked: Asked, { of }: OperatorOptions): Answer | undefined {
  if (asked.method !== 'POST') return methodNotAllowed('POST', asked)
  const type = asked.headers['content-type']
  if (type === undefined) return refusal(400, "Expecting 'Content-Type' to be present")
  // Protobuf is understood by Mesos and not here.
  const also = of === 'agent' ? ' or application/recordio' : ''
  if (type === json) return undefined
  return refusal(415, `Expecting 'Content-Type' of ${json} or ${protobuf}${also}`)
}

function parse(body: string): { call: Record<string, unknown> } | { refused: Answer } {
  let value: unknown
  try {
    value = JSON.parse(body)
  } catch {
    const near = body.split('\n', 1)[0] as string
    const why = `Failed to parse body into JSON: syntax error at line 1 near: ${near}`
    return { refused: refusal(400, why) }
  }
  if (isObject(value)) return { call: value }
  const why = 'Failed to convert JSON into Call protobuf: Expecting a JSON object'
  return { refused: refusal(400, why) }
}

const needed: Record<string, string> = {
  GET_METRICS: 'get_metrics',
  LIST_FILES: 'list_files',
  READ_FILE: 'read_file',
}

function lacking(
  call: Record<string, unknown>,
  { of, calls }: OperatorOptions,
): Answer | undefined {
  const { type } = call
  const expecting = (part: string) =>
    refusal(400, `Failed to validate ${of}::Call: Expecting '${part}' to be present`)
  // An unknown name of a type is as good as none.
  if (typeof type !== 'string' || !calls.has(type)) return expecting('type')
  const part = needed[type]
  return part === undefined || isObject(call[part]) ? undefined : expecting(part)
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function notAcceptable({ headers }: Asked, { of }: OperatorOptions): Answer | undefined {
  if (accepts(headers.accept, json)) return undefined
  return of === 'master'
    ? refusal(406, `Expecting 'Accept' to allow '${protobuf}' or '${json}'`)
    : refusal(406, `Expecting 'Accept' to allow ${json} or ${protobuf} or application/recordio`)
}

/** Everything, where the header is not there. */
function accepts(header: string | undefined, type: string): boolean {
  if (header === undefined) return true
  const [main] = type.split('/')
  const wanted = header.replaceAll(/\s/g, '').toLowerCase().split(',')
  return [type, `${main}/*`, '*/*'].some((name) =>
    wanted.some((one) => one.split(';')[0] === name && !/;q=0(\.0*)?$/.test(one)),
  )
}

export const masterCalls: ReadonlySet<string> = new Set(
  words(`
  GET_HEALTH GET_FLAGS GET_VERSION GET_METRICS GET_LOGGING_LEVEL SET_LOGGING_LEVEL LIST_FILES
  READ_FILE GET_STATE GET_AGENTS GET_FRAMEWORKS GET_EXECUTORS GET_OPERATIONS GET_TASKS GET_ROLES
  GET_WEIGHTS UPDATE_WEIGHTS GET_MASTER SUBSCRIBE RESERVE_RESOURCES UNRESERVE_RESOURCES
  CREATE_VOLUMES DESTROY_VOLUMES GROW_VOLUME SHRINK_VOLUME GET_MAINTENANCE_STATUS
  GET_MAINTENANCE_SCHEDULE UPDATE_MAINTENANCE_SCHEDULE START_MAINTENANCE STOP_MAINTENANCE
  DRAIN_AGENT DEACTIVATE_AGENT REACTIVATE_AGENT GET_QUOTA UPDATE_QUOTA SET_QUOTA REMOVE_QUOTA
  TEARDOWN MARK_AGENT_GONE
`),
)

export const agentCalls: ReadonlySet<string> = new Set(
  words(`
  GET_HEALTH GET_FLAGS GET_VERSION GET_METRICS GET_LOGGING_LEVEL SET_LOGGING_LEVEL LIST_FILES
  READ_FILE GET_STATE GET_CONTAINERS GET_FRAMEWORKS GET_EXECUTORS GET_OPERATIONS GET_TASKS
  GET_AGENT GET_RESOURCE_PROVIDERS LAUNCH_NESTED_CONTAINER WAIT_NESTED_CONTAINER
  KILL_NESTED_CONTAINER REMOVE_NESTED_CONTAINER LAUNCH_NESTED_CONTAINER_SESSION
  ATTACH_CONTAINER_INPUT ATTACH_CONTAINER_OUTPUT LAUNCH_CONTAINER WAIT_CONTAINER KILL_CONTAINER
  REMOVE_CONTAINER PRUNE_IMAGES ADD_RESOURCE_PROVIDER_CONFIG UPDATE_RESOURCE_PROVIDER_CONFIG
  REMOVE_RESOURCE_PROVIDER_CONFIG MARK_RESOURCE_PROVIDER_GONE
`),
)

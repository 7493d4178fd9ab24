/*
 * What a master of 500 agents and 20,000 tasks tells its subscribers, in the shapes of a real Mesos 1.11 (operator API v1): the first
 * event with all of it, then tasks that are added and change.
 */

export interface Size {
  agents: number
  tasks: number
}

const framework = '8ad4b0a7-0143-493f-8160-dbdea31d2cb6-0000'
const services = 400
const firstSeconds = 1_795_377_472
const id = (value: string) => ({ value })
const hex = (n: number, width: number) => n.toString(16).padStart(width, '0')

const agentId = (n: number) => `8ad4b0a7-0143-493f-8160-dbdea31d2cb6-S${n}`
const containerId = (n: number) => `f2d564a3-848e-4c5f-87de-${hex(n, 12)}`
const taskId = (n: number) =>
  `team-${n % 20}_service-${n % services}.instance-25212c0c-e6a2-11f1-bdef-${hex(n, 12)}._app.1`

function agent(n: number) {
  return {
    agent_info: {
      hostname: `agent-${n}.example.org`,
      port: 5051,
      resources: [{ name: 'cpus', type: 'SCALAR', scalar: { value: 32 } }],
      attributes: [{ name: 'rack', type: 'TEXT', text: { value: `r${n % 20}` } }],
      id: id(agentId(n)),
      checkpoint: true,
    },
    active: true,
    version: '1.11.0',
    pid: `slave(1)@10.0.${n >> 8}.${n & 255}:5051`,
    registered_time: { nanoseconds: 1_795_377_384_298_845_952 },
  }
}

function status(n: number, state: string, seconds: number, { agents }: Size) {
  return {
    task_id: id(taskId(n)),
    state,
    source: 'SOURCE_EXECUTOR',
    agent_id: id(agentId(n % agents)),
    executor_id: id(taskId(n)),
    timestamp: firstSeconds + seconds + 0.123_456,
    uuid: 'p/gjtzLqSZWEvijOcJgFhg==',
    container_status: { container_id: id(containerId(n)), executor_pid: 12_261 },
  }
}

function task(n: number, state: string, size: Size) {
  const running = ['TASK_STARTING', 'TASK_RUNNING'].map((one, at) => status(n, one, at, size))
  return {
    name: `service-${n % services}.team-${n % 20}`,
    task_id: id(taskId(n)),
    framework_id: id(framework),
    agent_id: id(agentId(n % size.agents)),
    state,
    resources: [
      { name: 'cpus', type: 'SCALAR', scalar: { value: 0.5 }, allocation_info: { role: '*' } },
      { name: 'mem', type: 'SCALAR', scalar: { value: 128 }, allocation_info: { role: '*' } },
      { name: 'ports', type: 'RANGES', ranges: { range: [{ begin: 31_005, end: 31_006 }] } },
    ],
    statuses: state === 'TASK_STAGING' ? [] : running,
    labels: {
      labels: [
        { key: 'owner', value: `team-${n % 20}` },
        { key: 'tier', value: 'front' },
        { key: 'HAPROXY_0_VHOST', value: `service-${n % services}.example.org` },
      ],
    },
    container: {
      type: 'DOCKER',
      docker: { image: `registry.example.org/service-${n % services}:1.4.2` },
    },
  }
}

/** The first event, as text. */
export function subscribedEvent(size: Size): string {
  const info = { id: id(framework), name: 'marathon', user: 'root', roles: ['*'] }
  const tasks = Array.from({ length: size.tasks }, (_, n) => task(n, 'TASK_RUNNING', size))
  return JSON.stringify({
    type: 'SUBSCRIBED',
    subscribed: {
      heartbeat_interval_seconds: 15,
      get_state: {
        get_agents: { agents: Array.from({ length: size.agents }, (_, n) => agent(n)) },
        get_frameworks: { frameworks: [{ framework_info: info, active: true, connected: true }] },
        get_tasks: { tasks, unreachable_tasks: [], completed_tasks: [] },
        get_executors: {},
      },
    },
  })
}

/** Four events each of tasks that begin and end again, as texts. */
export function changesOf(count: number, size: Size): string[] {
  return Array.from({ length: Math.ceil(count / 4) }, (_, at) => {
    const n = size.tasks + at
    const updated = (state: string, seconds: number) => ({
      type: 'TASK_UPDATED',
      task_updated: {
        framework_id: id(framework),
        status: status(n, state, seconds, size),
        state,
      },
    })
    return [
      { type: 'TASK_ADDED', task_added: { task: task(n, 'TASK_STAGING', size) } },
      updated('TASK_STARTING', 10),
      updated('TASK_RUNNING', 11),
      updated('TASK_FINISHED', 12),
    ].map((event) => JSON.stringify(event))
  }).flat()
}

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { sandboxPath } from '../../../playground/mesos/sandbox.ts'
import type {
  Agent,
  Framework,
  MesosCluster,
  MesosEvent,
  Task,
  TaskSpec,
  TaskStateName,
  TaskStatus,
} from '../../../playground/mesos/model.ts'

/** A cluster that stands still but for what a test does to it: nothing runs. */
export interface MadeCluster extends MesosCluster {
  dir: string
  marathon: Framework
  batch: Framework
  add(spec: Partial<TaskSpec> & { id: string }, more?: MoreOfTask): Task
  /** Tells a new state, as the cluster does. */
  update(task: Task, state: TaskStateName, more?: Partial<TaskStatus>): void
  emit(event: MesosEvent): void
}

export interface MoreOfTask {
  agent?: number
  containerId?: string
  parentContainerId?: string
  measured?: boolean
}

const masterId = '8ad4b0a7-0143-493f-8160-dbdea31d2cb6'
export const startedAt = Date.parse('2026-11-22T19:56:20.232Z')

export function makeCluster(t: Pick<ExecutionContext, 'teardown'>): MadeCluster {
  const dir = mkdtempSync(join(tmpdir(), 'mesoscope-made-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  const agents = [makeAgent(0, dir), makeAgent(1, dir)]
  const marathon = makeFramework('0000', 'marathon', 'marathon-principal')
  const batch = makeFramework('0001', 'batch scheduler', '')
  const tasks: Task[] = []
  const listeners = new Set<(event: MesosEvent) => void>()
  let now = startedAt + 1000
  const emit = (event: MesosEvent) => {
    for (const listener of listeners) listener(event)
  }

  function update(task: Task, state: TaskStateName, more: Partial<TaskStatus> = {}): void {
    now += 37
    const status: TaskStatus = { state, at: now, source: 'SOURCE_EXECUTOR', ...more }
    task.statuses.push(status)
    task.state = state
    emit({ type: 'TASK_UPDATED', task, status })
  }

  function add(given: Partial<TaskSpec> & { id: string }, more: MoreOfTask = {}): Task {
    const task = makeTask(specOf(given, marathon), agents[more.agent ?? 0] as Agent, more)
    tasks.push(task)
    emit({ type: 'TASK_ADDED', task })
    return task
  }

  return {
    dir,
    masterId,
    name: 'lab',
    version: '1.11.0',
    startedAt,
    electedAt: startedAt + 6,
    marathon,
    batch,
    agents: () => agents,
    frameworks: () => [marathon, batch],
    tasks: () => [...tasks],
    task: (id) => tasks.find(({ spec }) => spec.id === id),
    offers: () => [],
    scarce: () => false,
    registerFramework: () => marathon,
    launch: () => [],
    kill: () => {},
    onEvent(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    close: () => Promise.resolve(),
    add,
    update,
    emit,
  }
}

function makeAgent(index: number, dir: string): Agent {
  return {
    id: `${masterId}-S${index}`,
    hostname: `agent-${index + 1}.playground`,
    port: 0,
    attributes: { rack: `r${index + 1}`, zone: 'eu-1a', ...(index === 0 ? { ssd: 1 } : {}) },
    total: { cpus: 4, mem: 4096, disk: 8192 },
    ports: [31000, 31999],
    registeredAt: startedAt + 4000 + index,
    active: true,
    dockerRoot: join(dir, `docker-${index}`),
    dockerSocket: join(dir, `docker-${index}.sock`),
    workDir: join(dir, `agent-${index}`),
  }
}

function makeFramework(id: string, name: string, principal: string): Framework {
  return {
    id: `${masterId}-${id}`,
    name,
    hostname: '127.0.0.1',
    webuiUrl: 'http://127.0.0.1:8080',
    principal,
    role: name === 'marathon' ? 'web' : '*',
    registeredAt: startedAt + 500,
    active: true,
  }
}

function specOf(given: Partial<TaskSpec> & { id: string }, framework: Framework): TaskSpec {
  return {
    name: 'web.shop',
    framework,
    resources: { cpus: 0.5, mem: 128, disk: 32 },
    ports: 0,
    program: 'web',
    env: { MARATHON_APP_ID: '/shop/web' },
    labels: [],
    container: { type: 'MESOS' },
    ...given,
  }
}

let containers = 0

function makeTask(spec: TaskSpec, agent: Agent, more: MoreOfTask): Task {
  containers++
  const digits = String(containers).padStart(12, '0')
  const containerId = more.containerId ?? `f51c94fd-5b82-40a7-aefe-${digits}`
  const executorId = spec.executorId ?? spec.id
  const { parentContainerId } = more
  const sandbox = sandboxPath({
    workDir: agent.workDir,
    agentId: agent.id,
    frameworkId: spec.framework.id,
    executorId,
    containerId,
    parentContainerId,
  })
  mkdirSync(sandbox, { recursive: true })
  writeFileSync(join(sandbox, 'stdout'), 'tick\n'.repeat(44))
  const usage = { at: startedAt + 9000, userSeconds: 0.35, systemSeconds: 0.21 }
  return {
    spec,
    agent,
    executorId,
    containerId,
    ...(parentContainerId === undefined ? {} : { parentContainerId }),
    ports: Array.from({ length: spec.ports }, (_, at) => 31_005 + at),
    pid: 10_000 + containers,
    sandbox,
    statuses: [],
    state: 'TASK_STAGING',
    usage: more.measured === false ? undefined : { ...usage, rss: 19_902_464, threads: 7 },
  }
}

/** Something of everything: services, a pod, ended and lost tasks, on two agents. */
export function fill(cluster: MadeCluster): void {
  const { add, update, batch } = cluster
  const web = add({
    id: 'shop_web.instance-1._app.1',
    ports: 2,
    labels: [
      { key: 'app', value: 'web' },
      { key: 'team', value: 'shop' },
    ],
    discovery: { name: 'web.shop', labels: [{ key: 'VIP_0', value: '/web:80' }] },
  })
  const docker = add(
    {
      id: 'shop_api.instance-2._app.1',
      name: 'api.shöp',
      container: { type: 'DOCKER', image: 'shop/api:1.4', labels: { team: 'shop' } },
      labels: [{ key: 'app', value: 'api' }],
    },
    { agent: 1 },
  )
  const parentContainerId = 'd6269bf5-6286-409b-b0fc-4574df9dc9cb'
  const pod = { executorId: 'instance-pod.1', resources: { cpus: 0.1, mem: 32, disk: 8 } }
  const nested = ['frontend', 'sidecar'].map((name) =>
    add(
      { id: `shop_pod.instance-1.${name}.1`, name, ...pod, labels: [{ key: 'pod', value: '1' }] },
      { agent: 1, parentContainerId },
    ),
  )
  for (const task of [web, docker, ...nested]) {
    update(task, 'TASK_STARTING')
    update(task, 'TASK_RUNNING')
  }
  const health = { reason: 'REASON_TASK_HEALTH_CHECK_STATUS_UPDATED', healthy: true }
  update(web, 'TASK_RUNNING', health)
  fillEnded(cluster)
  add({ id: 'staging.1', framework: batch }, { measured: false })
}

function fillEnded({ add, update, batch }: MadeCluster): void {
  const done = add({ id: 'report.1', name: 'report', framework: batch, program: 'report' })
  update(done, 'TASK_RUNNING')
  update(done, 'TASK_FINISHED', { message: 'Command exited with status 0' })
  const failed = add({ id: 'report.2', name: 'report', framework: batch, program: 'report' })
  update(failed, 'TASK_FAILED', {
    source: 'SOURCE_AGENT',
    reason: 'REASON_CONTAINER_LAUNCH_FAILED',
    message: 'Failed to launch container: exited with status 1',
  })
  const away = add({ id: 'report.3', framework: batch })
  update(away, 'TASK_RUNNING')
  update(away, 'TASK_UNREACHABLE', {
    source: 'SOURCE_MASTER',
    reason: 'REASON_AGENT_REMOVED',
    message: 'Agent is unreachable',
  })
}

import { randomUUID } from 'node:crypto'
import { Trouble } from '../../../pipeline/errors.ts'
import type { Clock } from '../../../pipeline/clock.ts'
import {
  terminalStates,
  type Agent,
  type Framework,
  type MesosCluster,
  type MesosEvent,
  type Offer,
  type Task,
  type TaskSpec,
  type TaskStateName,
  type TaskStatus,
} from '../../../playground/mesos/model.ts'

/** A Mesos without processes, on the clock of a test: what is due happens in `step`. */
export interface FakeCluster extends MesosCluster {
  step(): void
  /** A status nobody asked for. */
  say(taskId: string, state: TaskStateName, more?: Partial<TaskStatus>): void
  setScarce(scarce: boolean): void
  /** Its tasks become unreachable, or come back. */
  setReachable(agentId: string, reachable: boolean): void
  running(): Task[]
}

export interface FakeOptions {
  clock: Clock
  agents?: number
  /** Of each agent. */
  cpus?: number
  mem?: number
  attributes?: Record<string, string>[]
  /** From launched to running, and from killing to killed. */
  startMs?: number
  killMs?: number
}

interface Due {
  at: number
  task: Task
  state: TaskStateName
}

export function fakeCluster(options: FakeOptions): FakeCluster {
  const { clock, agents: count = 2, cpus = 4, mem = 4096, startMs = 1000, killMs = 500 } = options
  const masterId = randomUUID()
  const agents = Array.from({ length: count }, (_, index) =>
    newAgent(masterId, index, { cpus, mem, attributes: options.attributes?.[index] ?? {} }, clock),
  )
  const frameworks: Framework[] = []
  const tasks: Task[] = []
  const listeners = new Set<(event: MesosEvent) => void>()
  let due: Due[] = []
  let scarce = false
  let nextPort = 31_000
  let offersMade = 0

  function emit(event: MesosEvent): void {
    for (const listener of listeners) listener(event)
  }

  function tell(task: Task, state: TaskStateName, more: Partial<TaskStatus> = {}): void {
    if (terminalStates.has(task.state)) return
    const status = { state, at: clock.now(), source: 'SOURCE_EXECUTOR', ...more }
    task.state = state
    task.statuses.push(status)
    emit({ type: 'TASK_UPDATED', task, status })
  }

  function left(agent: Agent): Offer {
    const used = tasks.filter((task) => task.agent === agent && !terminalStates.has(task.state))
    const sum = (pick: (spec: TaskSpec) => number) =>
      used.reduce((total, task) => total + pick(task.spec), 0)
    return {
      id: `${masterId}-O${offersMade++}`,
      agent,
      cpus: agent.total.cpus - sum((spec) => spec.resources.cpus),
      mem: agent.total.mem - sum((spec) => spec.resources.mem),
      disk: agent.total.disk - sum((spec) => spec.resources.disk),
      ports: 1000 - sum((spec) => spec.ports),
    }
  }

  function launch({ agent }: Offer, specs: TaskSpec[]): Task[] {
    const has = left(agent)
    const wanted = specs.reduce((total, spec) => total + spec.resources.cpus, 0)
    if (wanted > has.cpus + 1e-9 || !agent.active)
      throw new Trouble('not enough', { retryable: true })
    return specs.map((spec) => {
      const ports = Array.from({ length: spec.ports }, () => nextPort++)
      const task: Task = {
        spec,
        agent,
        executorId: spec.executorId ?? spec.id,
        containerId: randomUUID(),
        ports,
        sandbox: '/tmp',
        statuses: [],
        state: 'TASK_STAGING',
        usage: undefined,
      }
      tasks.push(task)
      emit({ type: 'TASK_ADDED', task })
      due.push({ at: clock.now() + startMs / 2, task, state: 'TASK_STARTING' })
      due.push({ at: clock.now() + startMs, task, state: 'TASK_RUNNING' })
      return task
    })
  }

  function find(id: string): Task | undefined {
    return tasks.findLast(({ spec }) => spec.id === id)
  }

  function kill(id: string): void {
    const task = find(id)
    if (!task || terminalStates.has(task.state) || !task.agent.active) return
    due = due.filter((one) => one.task !== task)
    tell(task, 'TASK_KILLING')
    due.push({ at: clock.now() + killMs, task, state: 'TASK_KILLED' })
  }

  function step(): void {
    const now = clock.now()
    const ripe = due.filter(({ at, task }) => at <= now && task.agent.active)
    due = due.filter((one) => !ripe.includes(one))
    for (const { task, state } of ripe) tell(task, state)
  }

  function setReachable(agentId: string, reachable: boolean): void {
    for (const agent of agents.filter(({ id }) => id === agentId)) agent.active = reachable
    for (const task of tasks) {
      if (task.agent.id !== agentId || terminalStates.has(task.state)) continue
      tell(task, reachable ? 'TASK_RUNNING' : 'TASK_UNREACHABLE', { source: 'SOURCE_MASTER' })
    }
  }

  return {
    masterId,
    name: 'fake',
    version: '1.11.0',
    startedAt: clock.now(),
    electedAt: clock.now(),
    agents: () => agents,
    frameworks: () => frameworks,
    tasks: () => tasks,
    task: find,
    offers: () => (scarce ? [] : agents.filter(({ active }) => active).map(left)),
    scarce: () => scarce,
    registerFramework(framework) {
      const registered = {
        ...framework,
        id: `${masterId}-0000`,
        registeredAt: clock.now(),
        active: true,
      }
      frameworks.push(registered)
      return registered
    },
    launch,
    kill,
    onEvent(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    close: async () => {},
    step,
    say(taskId, state, more) {
      const task = find(taskId)
      if (!task) throw new Error(`no task ${taskId}`)
      due = due.filter((one) => one.task !== task)
      tell(task, state, more)
    },
    setScarce: (now) => void (scarce = now),
    setReachable,
    running: () => tasks.filter(({ state }) => state === 'TASK_RUNNING'),
  }
}

function newAgent(
  masterId: string,
  index: number,
  has: { cpus: number; mem: number; attributes: Record<string, string> },
  clock: Clock,
): Agent {
  return {
    id: `${masterId}-S${index}`,
    hostname: `agent-${index + 1}.test`,
    port: 5051 + index,
    attributes: has.attributes,
    total: { cpus: has.cpus, mem: has.mem, disk: 10_000 },
    ports: [31_000, 31_999],
    registeredAt: clock.now(),
    active: true,
    dockerRoot: '',
    dockerSocket: '',
    workDir: '',
  }
}

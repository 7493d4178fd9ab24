import type { ExecutionContext } from 'ava'
import { wallClock } from '../../pipeline/clock.ts'
import { silentLog } from '../../pipeline/log.ts'
import { openCluster, type Cluster, type ClusterOptions } from '../../playground/mesos/cluster.ts'
import type { Framework, Task, TaskSpec } from '../../playground/mesos/model.ts'
import type { AgentPlan } from '../../playground/mesos/hosts.ts'
import { removeDir, tempDir, until } from './container-logs.ts'

/** What the tasks of tests do; each is a process of Node. */
export const scripts: Record<string, string> = {
  idle: 'console.log("up"); console.error("careful"); setInterval(() => {}, 1000)',
  ok: 'console.log("done")',
  one: 'process.exit(1)',
  three: 'process.exit(3)',
  suicide: 'process.kill(process.pid, "SIGKILL")',
  stubborn:
    'process.on("SIGTERM", () => console.log("no")); console.log("up"); setInterval(() => {}, 1000)',
  eater: 'const eaten = []; setInterval(() => eaten.push(Buffer.alloc(4e6, 1)), 30)',
  env: 'console.log(JSON.stringify(process.env)); console.log(process.cwd())',
  counter: `const fs = require("node:fs"); fs.appendFileSync("data/visits", "x")
    console.log("visits", fs.readFileSync("data/visits", "utf8").length)`,
  burner: `const told = []
    setInterval(() => { const end = performance.now() + 60; while (performance.now() < end); }, 120)
    setInterval(() => { const { user, system } = process.cpuUsage()
      console.log((user + system) / 1e6, process.memoryUsage.rss()) }, 250)`,
}

/** Room for eight tasks of 0.5 cores. */
export const smallAgent: AgentPlan = {
  name: 'agent-1',
  hostname: 'agent-1.test',
  attributes: { rack: 'r1' },
  total: { cpus: 4, mem: 1024, disk: 1000 },
  ports: [30_000, 30_099],
}

export interface SmallCluster {
  dir: string
  cluster: Cluster
  framework: Framework
  /** Runs a script on the first agent. */
  run(script: string, type: 'DOCKER' | 'MESOS', more?: Partial<TaskSpec>): Task
  spec(script: string, type: 'DOCKER' | 'MESOS', more?: Partial<TaskSpec>): TaskSpec
}

let count = 0

/** A cluster with one agent and next to no staging time, which ends with the test. */
export async function smallCluster(
  t: ExecutionContext,
  options: Partial<ClusterOptions> = {},
): Promise<SmallCluster> {
  const dir = await tempDir()
  const cluster = await openCluster({
    dir,
    clock: wallClock,
    log: silentLog,
    programs: (program) => {
      const script = scripts[program]
      return script === undefined ? undefined : [process.execPath, '-e', script]
    },
    agents: [smallAgent],
    stagingMs: [0, 20],
    ...options,
  })
  t.teardown(async () => {
    await cluster.close()
    await removeDir(dir)
  })
  const framework = cluster.registerFramework({
    name: 'tests',
    hostname: 'tests.local',
    webuiUrl: '',
    principal: 'tests',
    role: '*',
  })

  function spec(script: string, type: 'DOCKER' | 'MESOS', more: Partial<TaskSpec> = {}): TaskSpec {
    return {
      id: `${script}.${++count}`,
      name: script,
      framework,
      resources: { cpus: 0.1, mem: 128, disk: 0 },
      ports: 0,
      program: script,
      env: { MARATHON_APP_ID: `/${script}` },
      labels: [],
      container:
        type === 'DOCKER' ? { type, image: 'test/image:1', labels: { team: 'tests' } } : { type },
      ...more,
    }
  }

  return {
    dir,
    cluster,
    framework,
    spec,
    run(script, type, more) {
      const [offer] = cluster.offers()
      const [task] = offer ? cluster.launch(offer, [spec(script, type, more)]) : []
      if (!task) throw new Error('nothing is offered')
      return task
    },
  }
}

export async function reached(task: Task, state: Task['state']): Promise<Task> {
  await until(`${task.spec.id} to be ${state}, is ${task.state}`, () => task.state === state)
  return task
}

const over = ['TASK_FINISHED', 'TASK_FAILED', 'TASK_KILLED']

export async function ended(task: Task): Promise<Task> {
  await until(`the end of ${task.spec.id}`, () => over.includes(task.state))
  return task
}

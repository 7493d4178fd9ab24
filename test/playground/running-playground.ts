import { existsSync, readFileSync } from 'node:fs'
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { wallClock } from '../../pipeline/clock.ts'
import { silentLog } from '../../pipeline/log.ts'
import { serviceOf } from '../../playground/task-view.ts'
import { openControlClient } from '../../playground/control-client.ts'
import type { Task } from '../../playground/mesos/model.ts'
import { startPlayground } from '../../playground/start.ts'
import { containerLines, removeDir, tempDir, until } from './container-logs.ts'

export type RunningPlayground = Awaited<ReturnType<typeof openPlayground>>

interface App {
  app: { tasksRunning: number; tasksHealthy: number; deployments: unknown[]; version: string }
}

/** The whole playground in this process, and what tests ask of it. */
export async function openPlayground() {
  const seed = randomUUID()
  const dir = await tempDir()
  const playground = await startPlayground({
    dir,
    clock: wallClock,
    log: silentLog,
    seed,
    batchEveryMs: 2000,
  })
  const client = openControlClient({ url: playground.control, token: playground.token })

  const tasks = (service: string, state?: Task['state']) =>
    playground.cluster
      .tasks()
      .filter((task) => serviceOf(task) === service && (!state || task.state === state))

  const web = async () => ((await get(`${playground.marathons[0]}/v2/apps//shop/web`)) as App).app

  /** What was printed by all tasks of a service that are still known. */
  function lines(service: string): string[] {
    return tasks(service).flatMap(({ docker, agent, sandbox }) => {
      if (docker) return containerLines(join(agent.dockerRoot, 'containers', docker.id))
      const files = ['stdout', 'stderr'].map((name) => join(sandbox, name)).filter(existsSync)
      return files.flatMap((file) => readFileSync(file, 'utf8').split('\n'))
    })
  }

  return {
    seed,
    dir,
    playground,
    client,
    tasks,
    running: (service: string) => tasks(service, 'TASK_RUNNING'),
    web,
    lines,
    count: (service: string, part: string) =>
      lines(service).filter((line) => line.includes(part)).length,
    webIsWell: () =>
      until('two healthy instances and no deployment', async () => {
        const { tasksHealthy, tasksRunning, deployments } = await web()
        return tasksHealthy === 2 && tasksRunning === 2 && deployments.length === 0
      }),
    async active(): Promise<string[]> {
      return (await client.faults()).filter((fault) => fault.active).map(({ name }) => name)
    },
    async close(): Promise<void> {
      client.close()
      await playground.close()
      await removeDir(dir)
    },
  }
}

export async function get(url: string): Promise<unknown> {
  const response = await fetch(url, { headers: { accept: 'application/json' } })
  return response.json()
}

/** The body of a good answer, the status of a bad one, or why there was none. */
export async function ask(url: string): Promise<unknown> {
  try {
    const response = await fetch(url, { headers: { connection: 'close' } })
    const text = await response.text()
    return response.ok ? text : response.status
  } catch (error) {
    return (error as { cause?: { code?: string } }).cause?.code
  }
}

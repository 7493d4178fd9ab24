import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { wallClock } from '../../../pipeline/clock.ts'
import { silentLog } from '../../../pipeline/log.ts'
import type { Endpoint } from '../../../playground/marathon/endpoints.ts'
import { openMarathon } from '../../../playground/marathon/marathon.ts'
import { isReady } from '../../../playground/marathon/model.ts'
import { instancesOf } from '../../../playground/marathon/state.ts'
import { openCluster } from '../../../playground/mesos/cluster.ts'
import { openPrograms } from '../../../playground/programs.ts'
import { removeDir, tempDir, until } from '../container-logs.ts'

/** With the playground's cluster: real processes, asked for their health over HTTP, on real time. */

const web = {
  id: '/shop/web',
  cmd: 'web',
  instances: 2,
  cpus: 0.25,
  mem: 128,
  container: { type: 'DOCKER', docker: { image: 'shop/web:2.4.1' } },
  portDefinitions: [{ port: 0, name: 'http' }],
  upgradeStrategy: { minimumHealthCapacity: 1, maximumOverCapacity: 0.5 },
  healthChecks: [{ protocol: 'HTTP', path: '/health', intervalSeconds: 1, gracePeriodSeconds: 10 }],
}

async function open(t: ExecutionContext) {
  const dir = await tempDir()
  const programs = await openPrograms(join(dir, 'programs'))
  const common = { clock: wallClock, log: silentLog }
  const cluster = await openCluster({ ...common, dir, programs, stagingMs: [0, 50] })
  const marathon = await openMarathon({ ...common, cluster, apps: [web] })
  t.teardown(async () => {
    await marathon.close()
    await cluster.close()
    await removeDir(dir)
  })
  const { state } = marathon.core
  const url = marathon.faces[0]?.url ?? ''
  const patch = (body: unknown) =>
    fetch(`${url}/v2/apps/shop/web`, {
      method: 'PATCH',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
  return {
    cluster,
    marathon,
    patch,
    ready: () => instancesOf(state, '/shop/web').filter(isReady),
    calm: (what: string) => until(what, () => state.deployments.size === 0),
    app: async () => ((await (await fetch(`${url}/v2/apps/shop/web`)).json()) as any).app,
  }
}

test('web instances become healthy, are scaled to four, deployed anew, and replaced when they die', async (t) => {
  const { cluster, marathon, patch, ready, calm, app } = await open(t)
  let endpoints: Endpoint[] = []
  marathon.onEndpoints('/shop/web', (now) => void (endpoints = now))
  await calm('two healthy ones')
  const first = await app()
  t.like(first, { tasksRunning: 2, tasksHealthy: 2, tasksUnhealthy: 0 })
  t.is(first.tasks.length, 2)
  t.true(first.tasks.every((task: any) => cluster.task(task.id)?.state === 'TASK_RUNNING'))
  t.deepEqual(
    new Set(endpoints.map(({ port }) => port)),
    new Set(first.tasks.map(({ ports }: any) => ports[0])),
  )
  for (const { port } of endpoints) {
    t.is((await fetch(`http://127.0.0.1:${port}/health`)).status, 200)
  }

  t.is((await patch({ instances: 4 })).status, 200)
  t.is((await patch({ instances: 5 })).status, 409)
  await calm('four healthy ones')
  t.like(await app(), { instances: 4, tasksHealthy: 4 })

  const before = new Set(cluster.tasks().map(({ spec }) => spec.id))
  let fewest = 4
  const watch = setInterval(() => (fewest = Math.min(fewest, ready().length)), 5)
  const { deploymentId } = marathon.deploy('/shop/web')
  t.true(marathon.core.state.deployments.has(deploymentId))
  await calm('all of them replaced')
  clearInterval(watch)
  t.is(fewest, 4)
  const after = await app()
  t.is(after.tasksHealthy, 4)
  t.false(after.tasks.some(({ id }: any) => before.has(id)))

  const [victim] = after.tasks
  cluster.crash(victim.id)
  await until('its end', async () => (await app()).lastTaskFailure?.taskId === victim.id)
  await until('another one', async () => {
    const { tasksHealthy, tasks } = await app()
    return tasksHealthy === 4 && tasks.some(({ id }: any) => id === victim.id.replace(/1$/, '2'))
  })
})

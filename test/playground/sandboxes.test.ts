import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { openCollectors } from '../../collectors/index.ts'
import type { Sink } from '../../collectors/sink.ts'
import { toRecords } from '../../collectors/spool-records.ts'
import type { Bus } from '../../pipeline/bus/bus.ts'
import { wallClock } from '../../pipeline/clock.ts'
import type { LogDoc } from '../../pipeline/event.ts'
import { silentLog } from '../../pipeline/log.ts'
import { openMetrics } from '../../pipeline/metrics.ts'
import type { Task } from '../../playground/mesos/model.ts'
import { openIndexer } from '../../processors/index-lines.ts'
import { openCatalog } from '../../processors/resolve.ts'
import { openBus, openStore, until } from '../helpers/pipeline.ts'
import { openPlayground, type RunningPlayground } from './running-playground.ts'

/** As the spool and what carries it to the bus, without the disk between. */
function sinkOnto(bus: Bus): Sink {
  const stored = new Map<string, unknown>()
  return {
    async append(batch) {
      for (const [topic, records] of Map.groupBy(toRecords(batch), (record) => record.topic)) {
        await bus.produce(topic, records)
      }
      for (const [key, position] of Object.entries(batch.positions ?? {})) {
        if (position === null) stored.delete(key)
        else stored.set(key, position)
      }
    },
    position: (input) => stored.get(input),
    positions: (prefix) => [...stored.keys()].filter((key) => key.startsWith(prefix)),
  }
}

const connection = { token_scheme: 'bearer' } as const

/** All collectors of the playground, and the way of their lines into a store. */
async function openPipeline(t: ExecutionContext, { playground }: RunningPlayground) {
  const bus = await openBus(t)
  const store = await openStore(t)
  const own = { clock: wallClock, metrics: openMetrics(), log: silentLog }
  const catalog = await openCatalog({ bus, store, patienceMs: 2000 })
  t.teardown(() => catalog.close())
  const indexer = openIndexer({ bus, store, catalog, ...own })
  t.teardown(() => indexer.close())
  const { agents, masters, marathons } = playground
  const collectors = await openCollectors(
    {
      docker: agents.map(({ dockerRoot, dockerSocket }) => ({
        root: join(dockerRoot, 'containers'),
        socket: dockerSocket,
        stats: false,
      })),
      files: [],
      consul: [],
      syslog: [],
      checks: [],
      prometheus: [],
      mesos_master: [{ ...connection, urls: masters, agents: true }],
      mesos_agent: [],
      mesos_sandbox: agents.map(({ workDir }) => ({ work_dir: workDir })),
      marathon: [{ ...connection, urls: marathons }],
      metrics_interval: 1000,
      max_event_bytes: 256 * 1024,
      multiline: false,
      redact: { enabled: false, patterns: [] },
    },
    { cluster: 'playground', sink: sinkOnto(bus), ...own },
  )
  t.teardown(() => Promise.all(collectors.map((collector) => collector.close())))
  return { store, collectors }
}

const written = ({ sandbox }: Task, stream: string) =>
  readFileSync(join(sandbox, stream), 'utf8').split('\n').slice(0, -1)

test('the pod and the database of the playground, whole, with all that is known of them', async (t) => {
  t.timeout(120_000)
  const running = await openPlayground()
  t.teardown(() => running.close())
  const { store, collectors } = await openPipeline(t, running)

  async function stored(task: Task, stream: string): Promise<LogDoc[]> {
    const source = `${task.containerId}:${stream === 'stdout' ? 'o' : 'e'}`
    const { hits } = await store.search({ order: 'asc', limit: 1000, task: task.spec.id })
    return hits.filter((hit) => hit['event.id'].startsWith(`${source}:`))
  }

  const pod = () => running.running('/shop/search')
  const db = () => running.running('/shop/db')
  const hasPrinted = (task: Task) => written(task, 'stdout').length >= 3
  await until('the pod and the database print', () => {
    const tasks = [...pod(), ...db()]
    return tasks.length === 3 && tasks.every(hasPrinted)
  })
  for (const task of [...pod(), ...db()]) {
    for (const stream of ['stdout', 'stderr']) {
      const lines = written(task, stream)
      await until(
        `${lines.length} lines of ${stream} of ${task.spec.id}`,
        async () => (await stored(task, stream)).length >= lines.length,
      )
      const docs = await stored(task, stream)
      t.deepEqual(
        docs.slice(0, lines.length).map(({ message }) => message),
        lines,
      )
      for (const doc of docs) {
        t.is(doc['service.name'], task.spec.env['MARATHON_APP_ID'])
        t.is(doc['host.name'], task.agent.hostname)
        t.is(doc['container.id'], task.containerId)
        t.is(doc['mesos.framework.id'], task.spec.framework.id)
      }
      t.deepEqual(
        docs.map((doc) => doc['event.sequence']),
        docs.map((_, n) => n),
      )
    }
  }
  // The executor of the pod has a sandbox of its own, and is no task.
  const [{ parentContainerId } = {} as Task] = pod()
  const { hits } = await store.search({ services: ['/shop/search'], limit: 1000 })
  const ofExecutor = hits.filter((hit) => hit['container.id'] === parentContainerId)
  t.true(ofExecutor.some(({ message }) => message.includes('LAUNCH_GROUP')))
  t.true(ofExecutor.every((hit) => hit['mesos.task.id'] === undefined))

  // What Docker's tasks print comes from Docker alone.
  await running.webIsWell()
  const docker = running.playground.cluster.tasks().filter((task) => task.docker)
  const all = await store.search({ limit: 10_000 })
  const containers = new Set(all.hits.map((hit) => hit['container.id']))
  for (const task of docker) t.false(containers.has(task.containerId), task.spec.id)
  t.true(docker.some((task) => containers.has(task.docker?.id)))
  for (const collector of collectors) t.is(collector.trouble(), undefined)
})

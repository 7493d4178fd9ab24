import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { openDockerCollector } from '../../collectors/docker.ts'
import { openMesosAgentCollector } from '../../collectors/mesos-agent.ts'
import { openMesosMasterCollector } from '../../collectors/mesos-master.ts'
import { wallClock } from '../../pipeline/clock.ts'
import type { SampleDoc } from '../../pipeline/event.ts'
import { openHttp } from '../../pipeline/http.ts'
import { silentLog } from '../../pipeline/log.ts'
import { openMetrics } from '../../pipeline/metrics.ts'
import { openDockerFace } from '../../playground/docker/face.ts'
import { openMesosAgent } from '../../playground/mesos/agent-api.ts'
import { openMesosMaster } from '../../playground/mesos/master.ts'
import type { Agent, Task } from '../../playground/mesos/model.ts'
import { openCollectedSink, type CollectedSink } from '../collectors/collected-sink.ts'
import { openRecording, openRecordingSink, type Recording } from '../collectors/recording-sink.ts'
import { until } from './container-logs.ts'
import { reached, smallCluster, type SmallCluster } from './small-cluster.ts'

const own = () => ({ clock: wallClock, log: silentLog, metrics: openMetrics() })

interface Scene extends SmallCluster {
  agent: Agent
  /** A follower first, then the leader. */
  masters: string[]
}

/** Two masters, of which the second leads, an agent and its Docker daemon, over a cluster of real processes. */
async function openScene(t: ExecutionContext): Promise<Scene> {
  const small = await smallCluster(t)
  const { cluster } = small
  const agent = cluster.agents()[0] as Agent
  const clock = wallClock
  const mesos = await openMesosAgent({ cluster, agent, clock })
  agent.port = Number(new URL(mesos.url).port)
  const docker = await openDockerFace({ model: cluster.docker(agent.id), clock, statsMs: 100 })
  const masters: string[] = []
  const leaderAddress = () => new URL(masters[1] as string).host
  for (const leads of [false, true]) {
    const isLeader = () => leads
    const face = await openMesosMaster({ cluster, port: 0, isLeader, leaderAddress, clock })
    masters.push(face.url)
    t.teardown(() => face.close())
  }
  t.teardown(() => mesos.close())
  t.teardown(() => docker.close())
  return { ...small, agent, masters }
}

async function collectMesos(t: ExecutionContext, { masters }: Scene) {
  const sink = openCollectedSink()
  const common = { ...own(), sink, cluster: 'playground', intervalMs: 1000 }
  const collector = await openMesosMasterCollector({
    ...common,
    name: 'mesos',
    client: openHttp({ urls: masters, name: 'the Mesos master' }),
    listMs: 500,
    openAgent: ({ hostname, address }) =>
      openMesosAgentCollector({
        ...common,
        name: 'mesos-agent',
        place: address ?? 'nowhere',
        hostname,
        client: openHttp({ urls: [`http://${address}`], name: 'the Mesos agent' }),
        tellTasks: false,
        measured: new Set(),
      }),
  })
  t.teardown(() => collector.close())
  return { sink, collector }
}

const told = ({ changes }: CollectedSink, task: Task) =>
  changes
    .filter(
      (change) => change['mesos.task.id'] === task.spec.id && change['event.kind'] === 'status',
    )
    .map((change) => change['event.action'])

/** What was not understood, or is in trouble, is a change of the collector. */
const misunderstood = ({ changes }: CollectedSink) =>
  changes.filter((change) => change['event.kind'] === 'collector')

const metric = (sample: SampleDoc, name: string) => sample.metrics[name] ?? 0

test('the collectors of Mesos read the playground: identities, states, what tasks use', async (t) => {
  const scene = await openScene(t)
  const { sink, collector } = await collectMesos(t, scene)
  const web = scene.run('idle', 'DOCKER', { name: 'wäb.shop' })
  const burner = scene.run('burner', 'MESOS')
  // Of a Docker container Mesos knows the name, which is made of its own id.
  for (const [task, known, name] of [
    [web, 'containerName', `mesos-${web.containerId}`],
    [burner, 'container', burner.containerId],
  ] as const) {
    const { id } = task.spec
    await until(`${id} to run`, () => told(sink, task).includes('TASK_RUNNING'))
    await until(`the identity of ${id}`, () =>
      sink.tasks.some((one) => one.task === id && one[known] === name),
    )
    await until(`a sample of ${id}`, () =>
      sink.samples.some(
        (sample) =>
          sample['mesos.task.id'] === id && metric(sample, 'container.memory.utilization') > 0.01,
      ),
    )
  }
  await until('CPU of the burner', () =>
    sink.samples.some(
      (sample) =>
        sample['mesos.task.id'] === burner.spec.id &&
        metric(sample, 'container.cpu.utilization') > 0.2,
    ),
  )
  scene.cluster.kill(web.spec.id)
  await until('its end', () => told(sink, web).includes('TASK_KILLED'))
  t.deepEqual(
    told(sink, web).filter((state, at, all) => all.indexOf(state) === at),
    ['TASK_STARTING', 'TASK_RUNNING', 'TASK_KILLING', 'TASK_KILLED'],
  )
  t.deepEqual(misunderstood(sink), [])
  t.is(collector.trouble(), undefined)
})

const messages = ({ lines }: Recording, task: Task) =>
  lines
    .filter((line) => line['mesos.task.id'] === task.spec.id)
    .map((line) => `${line['log.iostream']}: ${line.message}`)
    .toSorted()

for (const files of [true, false]) {
  const from = files ? 'files' : 'the socket'
  test(`the collector of Docker reads the playground’s logs from ${from}, and measures`, async (t) => {
    const scene = await openScene(t)
    const { dockerRoot, dockerSocket } = scene.agent
    const before = scene.run('idle', 'DOCKER')
    await reached(before, 'TASK_RUNNING')
    const recording = openRecording()
    const recordingSink = openRecordingSink(recording)
    const sampled = openCollectedSink()
    const collector = await openDockerCollector({
      ...own(),
      name: 'docker',
      ...(files ? { root: join(dockerRoot, 'containers') } : {}),
      socket: dockerSocket,
      files,
      cluster: 'playground',
      stats: true,
      intervalMs: 200,
      sink: {
        ...recordingSink,
        append: async (batch) => {
          await recordingSink.append(batch)
          await sampled.append({ samples: batch.samples ?? [] })
        },
      },
      redactor: { scan: () => [], redact: (text) => text },
      maxEventBytes: 256 * 1024,
      multiline: false,
    })
    t.teardown(() => collector.close())
    const late = scene.run('idle', 'DOCKER')
    for (const task of [before, late]) {
      await until(`lines of ${task.spec.id}`, () => messages(recording, task).length >= 2)
      t.deepEqual(messages(recording, task), ['stderr: careful', 'stdout: up'])
      await until(`a sample of ${task.spec.id}`, () =>
        sampled.samples.some(
          (sample) =>
            sample['mesos.task.id'] === task.spec.id &&
            metric(sample, 'container.memory.usage') > 1e6,
        ),
      )
    }
    scene.cluster.kill(late.spec.id)
    const died = () =>
      [...recording.changes.values()].some(
        (change) =>
          change['mesos.task.id'] === late.spec.id &&
          change['event.kind'] === 'container' &&
          change['event.action'] === 'died',
      )
    await until('its death', died)
    t.is(collector.trouble(), undefined)
    t.is(recording.dead.size, 0)
  })
}

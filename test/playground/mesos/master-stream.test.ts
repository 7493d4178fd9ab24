import { connect } from 'node:net'
import test, { type ExecutionContext } from 'ava'
import { manualClock } from '../../../pipeline/clock.ts'
import { openMesosMaster, type MasterOptions } from '../../../playground/mesos/master.ts'
import { recordIo } from '../../../playground/mesos/recordio.ts'
import { addressOf, chunksOf } from '../../helpers/raw-http.ts'
import { differences, shapeOf, unexplained } from '../../helpers/shape.ts'
import { fill, makeCluster, startedAt, type MadeCluster } from './made-cluster.ts'
import { mesosKeys, rawFixture, withFixtures } from './shapes.ts'

const open = async (
  t: ExecutionContext,
  cluster: MadeCluster,
  more: Partial<MasterOptions> = {},
) => {
  const master = await openMesosMaster({
    cluster,
    port: 0,
    isLeader: () => true,
    leaderAddress: () => '127.0.0.1:1',
    clock: manualClock(startedAt + 60_000),
    ...more,
  })
  t.teardown(() => master.close())
  return master.url
}

interface Subscriber {
  head(): string
  chunks(): Buffer[]
  events(): Event[]
  /** Until so many events are there. */
  until(count: number): Promise<void>
  /** Until the body is whole: its last chunk was there. */
  end(): Promise<void>
}

interface Event {
  type: string
  [part: string]: unknown
}

function subscribe(t: ExecutionContext, url: string): Subscriber {
  const socket = connect(addressOf(url))
  t.teardown(() => socket.destroy())
  const body = '{"type":"SUBSCRIBE"}'
  const lines = [
    'POST /api/v1 HTTP/1.1',
    'Host: test',
    'Content-Type: application/json',
    'Accept: application/json',
    `Content-Length: ${body.length}`,
  ]
  socket.write(`${lines.join('\r\n')}\r\n\r\n${body}`)
  let received = Buffer.alloc(0)
  let wake = () => {}
  socket.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk])
    wake()
  })
  async function when(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
  }
  const bodyAt = () => received.indexOf('\r\n\r\n') + 4
  const chunks = () => (bodyAt() < 4 ? [] : chunksOf(received.subarray(bodyAt())))
  const events = () => readRecords(Buffer.concat(chunks()))
  return {
    head: () => received.subarray(0, bodyAt()).toString(),
    chunks,
    events,
    until: (count) => when(() => events().length >= count),
    end: () => when(() => received.subarray(-5).toString() === '0\r\n\r\n'),
  }
}

/** Lengths count bytes. */
function readRecords(bytes: Buffer): Event[] {
  const events: Event[] = []
  for (let at = 0; at < bytes.length;) {
    const line = bytes.indexOf('\n', at)
    const length = Number(bytes.toString('latin1', at, line))
    events.push(JSON.parse(bytes.toString('utf8', line + 1, line + 1 + length)) as Event)
    at = line + 1 + length
  }
  return events
}

function realEvents(): { head: string; texts: string[] } {
  const raws = ['stream/sub_json.raw', 'stream/sub2_json.raw'].map(rawFixture)
  const bodies = raws.map((raw) => {
    const at = raw.indexOf('\r\n\r\n') + 4
    return Buffer.concat(chunksOf(raw.subarray(at)))
  })
  const [first = Buffer.alloc(0)] = raws
  return {
    head: first.subarray(0, first.indexOf('\r\n\r\n') + 4).toString(),
    texts: bodies.flatMap(recordTexts),
  }
}

function recordTexts(bytes: Buffer): string[] {
  const texts: string[] = []
  for (let at = 0; at < bytes.length;) {
    const line = bytes.indexOf('\n', at)
    const end = line + 1 + Number(bytes.toString('latin1', at, line))
    texts.push(bytes.toString('utf8', line + 1, end))
    at = end
  }
  return texts
}

test('a subscriber is told the state, a heartbeat, and then what happens, a record a chunk', async (t) => {
  const cluster = makeCluster(t)
  fill(cluster)
  const url = await open(t, cluster)
  const subscriber = subscribe(t, url)
  await subscriber.until(2)
  t.deepEqual(
    subscriber.events().map(({ type }) => type),
    ['SUBSCRIBED', 'HEARTBEAT'],
  )
  const task = cluster.add({ id: 'käse.1', name: 'Käse 🧀' })
  cluster.update(task, 'TASK_STAGING')
  cluster.update(task, 'TASK_STARTING')
  task.state = 'TASK_RUNNING'
  cluster.update(task, 'TASK_RUNNING', { reason: 'REASON_AGENT_REREGISTERED' })
  const [agent] = cluster.agents()
  if (agent) cluster.emit({ type: 'AGENT_REMOVED', agent })
  await subscriber.until(5)
  const [, , added, updated, removed] = subscriber.events()
  t.like(added, { type: 'TASK_ADDED', task_added: { task: { name: 'Käse 🧀' } } })
  t.like(updated, { type: 'TASK_UPDATED', task_updated: { status: { state: 'TASK_STARTING' } } })
  t.like(removed, { type: 'AGENT_REMOVED', agent_removed: { agent_id: { value: agent?.id } } })
  t.is(subscriber.chunks().length, 5)
  const [, , chunk = Buffer.alloc(0)] = subscriber.chunks()
  const [length, record = ''] = chunk.toString().split('\n')
  t.is(Number(length), Buffer.byteLength(record))
  t.true(Number(length) > record.length)
})

withFixtures('its head and its events are those of a real master', async (t) => {
  const cluster = makeCluster(t)
  const url = await open(t, cluster)
  const subscriber = subscribe(t, url)
  await subscriber.until(2)
  const filled = subscribe(t, url)
  await filled.until(2)
  fill(cluster)
  for (const agent of cluster.agents()) {
    agent.reregisteredAt = startedAt + 5000
    cluster.emit({ type: 'AGENT_ADDED', agent })
    cluster.emit({ type: 'AGENT_REMOVED', agent })
  }
  cluster.emit({ type: 'FRAMEWORK_ADDED', framework: cluster.marathon })
  cluster.emit({ type: 'FRAMEWORK_REMOVED', framework: cluster.batch })
  const late = subscribe(t, url)
  await late.until(2)
  await subscriber.until(30)

  const { head, texts } = realEvents()
  const withoutDate = (text: string) => text.replace(/^Date: .*\r\n/m, '')
  t.is(withoutDate(subscriber.head()), withoutDate(head))
  const ours = recordTexts(Buffer.concat([...subscriber.chunks(), ...late.chunks()]))
  const types = new Set(texts.map((text) => (JSON.parse(text) as Event).type))
  const lines = [...types].flatMap((type) => {
    const of = (all: string[]) => all.filter((text) => (JSON.parse(text) as Event).type === type)
    t.true(of(ours).length > 0, type)
    return differences(shapeOf(of(texts), mesosKeys), shapeOf(of(ours), mesosKeys))
  })
  t.deepEqual(unexplained(lines, exceptions), { lines: [], unused: [] })
})

const exceptions = {
  '.container adds': 'the captured cluster had no Docker containerizer',
  '.discovery.environment lacks': 'Marathon does not set it',
  '.discovery.location lacks': 'Marathon does not set it',
  '.discovery.version lacks': 'Marathon does not set it',
  '.agent_added.agent.agent_info.attributes[].text lacks': 'the one that came had only texts',
  '.agent_added.agent.agent_info.attributes[].scalar adds': 'the one that came had only texts',
  '.framework_removed.framework_info.hostname adds': 'those that went away had not said it',
  '.framework_removed.framework_info.webui_url adds': 'those that went away had none',
  'frameworks[].allocated_resources lacks': 'it had nothing when they subscribed',
  'agents[].reregistered_time adds': 'the captured ones had not come back',
  'tasks[].statuses lacks': 'a task that is being staged has none',
  'tasks[].status_update_state lacks': 'a task that is being staged has none',
  'tasks[].status_update_uuid lacks': 'a task that is being staged has none',
}

test('hearts beat', async (t) => {
  const subscriber = subscribe(t, await open(t, makeCluster(t), { heartbeatMs: 20 }))
  await subscriber.until(4)
  const types = subscriber.events().map(({ type }) => type)
  t.deepEqual(types.slice(0, 4), ['SUBSCRIBED', 'HEARTBEAT', 'HEARTBEAT', 'HEARTBEAT'])
  t.like(subscriber.events()[0], { subscribed: { heartbeat_interval_seconds: 15 } })
})

test('a master that loses its lead ends its streams, one with too many subscribers the oldest', async (t) => {
  let leads = true
  const url = await open(t, makeCluster(t), { isLeader: () => leads, maxSubscribers: 1 })
  const oldest = subscribe(t, url)
  await oldest.until(2)
  const other = subscribe(t, url)
  await oldest.end()
  await other.until(2)
  leads = false
  await other.end()
  t.pass()
})

test('lengths count bytes', (t) => {
  t.is(recordIo('{"name":"café"}'), '16\n{"name":"café"}')
})

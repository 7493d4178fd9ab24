import test from 'ava'
import { openAgentBook } from '../../collectors/mesos-agent-book.ts'
import type { MesosAgent } from '../../collectors/mesos-agents.ts'
import { openFrameworkBook } from '../../collectors/mesos-framework-book.ts'
import { openLeaderBook } from '../../collectors/mesos-leader-book.ts'
import type { Collected } from '../../collectors/sink.ts'

const t0 = Date.UTC(2026, 10, 22, 18)
const at = (second: number) => t0 + second * 1000
const ns = (second: number) => BigInt(at(second)) * 1_000_000n

function openSink(stored = new Map<string, unknown>()) {
  return {
    stored,
    position: (key: string) => stored.get(key),
    positions: (prefix: string) => [...stored.keys()].filter((key) => key.startsWith(prefix)),
    keep(batch: Collected) {
      for (const [key, position] of Object.entries(batch.positions ?? {})) {
        if (position === null) stored.delete(key)
        else stored.set(key, JSON.parse(JSON.stringify(position)))
      }
      return (batch.changes ?? []).map(({ message }) => message)
    },
  }
}

/** Agent 1 is `S1` on `agent-1`, at 10.0.0.1:5051. */
function agent(n: number, more: Partial<MesosAgent> = {}): MesosAgent {
  return {
    id: `S${n}`,
    hostname: `agent-${n}`,
    address: { process: 'slave(1)', host: `10.0.0.${n}`, port: 5051 },
    active: true,
    registeredNs: ns(0),
    ...more,
  }
}

function openAgents(sink = openSink()) {
  const book = openAgentBook({ name: 'm', cluster: 'test', sink })
  return {
    sink,
    book,
    list: (agents: MesosAgent[], second: number, askedSecond = second) =>
      sink.keep(book.list({ agents, recovered: [] }, at(second), at(askedSecond))),
    added: (one: MesosAgent, second: number) => sink.keep(book.added(one, at(second))),
    removed: (id: string, second: number) => sink.keep(book.removed(id, at(second))),
  }
}

test('agents that come, go and come back, by lists', (t) => {
  const { list, book } = openAgents()
  t.deepEqual(list([agent(1)], 7200), [], 'who was there for long is no news at the first start')
  t.deepEqual(list([agent(1), agent(2, { registeredNs: ns(7300) })], 7310), [
    'agent agent-2 (10.0.0.2:5051) joined the cluster',
  ])
  t.deepEqual(list([agent(2)], 7340), [
    'agent agent-1 (10.0.0.1:5051) is lost: the master does not list it any more',
  ])
  t.deepEqual(list([agent(2)], 7370), [])
  t.deepEqual(
    book.present().map(({ address }) => address),
    ['10.0.0.2:5051'],
  )
  t.deepEqual(list([agent(1), agent(2)], 7400), ['agent agent-1 (10.0.0.1:5051) is back'])
  t.is(book.hostname('S1'), 'agent-1')
})

test('the document of a lost agent', (t) => {
  const { book } = openAgents()
  book.added(agent(1), at(0))
  t.deepEqual(book.removed('S1', at(60)).changes, [
    {
      '@timestamp': '2026-11-22T18:01:00.000000000Z',
      'event.id': 'change:cluster:mesos:agent-lost:S1:1795370460000000000',
      'event.kind': 'cluster',
      'event.action': 'agent-lost',
      'event.provider': 'mesos',
      message: 'agent agent-1 (10.0.0.1:5051) is lost: it was removed from the cluster',
      'mesos.agent.id': 'S1',
      'mesos.agent.address': '10.0.0.1:5051',
      'orchestrator.cluster.name': 'test',
      'host.name': 'agent-1',
    },
  ])
})

test('an agent that comes back under a new id is the old one', (t) => {
  const { list, sink } = openAgents()
  list([agent(1), agent(2)], 10)
  t.deepEqual(list([agent(1, { id: 'S9' }), agent(2)], 40), [
    'agent agent-1 (10.0.0.1:5051) is back under the new id S9; it was S1',
  ])
  t.deepEqual([...sink.stored.keys()], ['m:agent:S2', 'm:agent:S9'])
})

test('two agents of one host are two', (t) => {
  const { list } = openAgents()
  list([agent(1)], 10)
  const other = agent(1, {
    id: 'S5',
    address: { process: 'slave(1)', host: '10.0.0.1', port: 5052 },
  })
  t.deepEqual(list([agent(1), other], 40), ['agent agent-1 (10.0.0.1:5052) joined the cluster'])
})

test('events, and lists that were asked for before them', (t) => {
  const { list, added, removed } = openAgents()
  list([agent(1)], 10)
  t.deepEqual(removed('S1', 20), [
    'agent agent-1 (10.0.0.1:5051) is lost: it was removed from the cluster',
  ])
  t.deepEqual(list([agent(1)], 21, 19), [], 'the list is older')
  t.deepEqual(added(agent(2), 22), ['agent agent-2 (10.0.0.2:5051) joined the cluster'])
  t.deepEqual(list([], 23, 21), [], 'the list is older')
  t.deepEqual(added(agent(1, { reregisteredNs: ns(30) }), 31), [
    'agent agent-1 (10.0.0.1:5051) is back',
  ])
  t.deepEqual(removed('S7', 40), ['agent S7 is lost: it was removed from the cluster'])
})

test('an agent whose connection breaks is lost when that lasts; one taken out of use is not', (t) => {
  const { list } = openAgents()
  const [one, two] = [agent(1), agent(2)]
  list([one, two], 10)
  const off = [agent(1, { active: false }), agent(2, { active: false, deactivated: true })]
  t.deepEqual(list(off, 40), [])
  t.deepEqual(list([one, two], 60), [])
  t.deepEqual(list(off, 70), [])
  t.deepEqual(list(off, 100), [
    'agent agent-1 (10.0.0.1:5051) is lost: the master has lost the connection to it',
  ])
  t.deepEqual(list(off, 130), [])
  t.deepEqual(list([one, two], 160), ['agent agent-1 (10.0.0.1:5051) is back'])
})

test('agents that a new master only remembers are not lost', (t) => {
  const { list, book, sink } = openAgents()
  list([agent(1), agent(2)], 10)
  const recovered = [agent(2, { active: undefined }), { id: 'S3' }]
  t.deepEqual(sink.keep(book.list({ agents: [agent(1)], recovered }, at(40))), [])
  t.deepEqual(list([agent(1), agent(2), agent(3)], 70), [])
})

test('a restart tells nothing twice', (t) => {
  const first = openAgents()
  first.list([agent(1), agent(2)], 10)
  first.removed('S2', 20)
  const second = openAgents(first.sink)
  t.deepEqual(second.list([agent(1)], 50), [])
  t.deepEqual(second.list([agent(1), agent(2)], 80), ['agent agent-2 (10.0.0.2:5051) is back'])
  const damaged = openSink(new Map([['m:agent:S1', { hostname: 7, lostMs: 'x' }]]))
  t.deepEqual(openAgents(damaged).list([agent(1)], 90), [])
})

test('an agent that was lost two weeks ago is forgotten, with the position of its samples', (t) => {
  const { list, sink } = openAgents()
  list([agent(1), agent(2)], 10)
  sink.stored.set('m:samples:10.0.0.2:5051', { lineage: 'x', next: 5 })
  list([agent(1)], 20)
  list([agent(1)], 20 + 14 * 86_400)
  t.deepEqual([...sink.stored.keys()], ['m:agent:S1'])
})

const master = (id: string, second: number) => ({
  id,
  pid: `master@10.0.0.${id}:5050`,
  hostname: `master-${id}`,
  electedNs: ns(second),
})

test('leaders that are elected and lost are told once, also over restarts', (t) => {
  const sink = openSink()
  const open = () => openLeaderBook({ name: 'm', cluster: 'test', sink })
  const book = open()
  const leads = (b = book, id = '1', elected = 0, second = 7200) =>
    sink.keep(b.leads(master(id, elected), `10.0.0.${id}:5050`, at(second)))
  t.deepEqual(leads(), [], 'who has led for long is no news at the first start')
  t.deepEqual(sink.keep(book.lost('No leader elected', at(7300))), [
    'the Mesos masters have no leader: No leader elected',
  ])
  t.deepEqual(sink.keep(book.lost('No leader elected', at(7310))), [])
  t.deepEqual(sink.keep(open().lost('No leader elected', at(7320))), [])
  t.deepEqual(leads(open(), '2', 7330, 7340), ['master-2 leads the Mesos masters'])
  t.deepEqual(leads(open(), '2', 7330, 7350), [])
  const again = open()
  sink.keep(again.lost('they answer 503', at(7400)))
  t.deepEqual(leads(again, '2', 7330, 7410), ['master-2 leads the Mesos masters again'])
})

test('masters before 1.0 do not tell who they are: the address counts', (t) => {
  const sink = openSink()
  const book = openLeaderBook({ name: 'm', sink })
  t.deepEqual(sink.keep(book.leads(undefined, '10.0.0.1:5050', at(0))), [])
  t.deepEqual(sink.keep(book.leads(undefined, '10.0.0.1:5050', at(30))), [])
  t.deepEqual(sink.keep(book.leads(undefined, '10.0.0.2:5050', at(60))), [
    '10.0.0.2:5050 leads the Mesos masters',
  ])
})

test('frameworks that register and go', (t) => {
  const sink = openSink()
  const open = () => openFrameworkBook({ name: 'm', sink })
  const book = open()
  const shop = { id: 'F1', name: 'shop', registeredNs: ns(0) }
  const batch = { id: 'F2', name: 'batch', registeredNs: ns(7000) }
  t.deepEqual(sink.keep(book.list({ frameworks: [shop], completed: [] }, at(7200))), [])
  t.deepEqual(sink.keep(book.added(batch, at(7201))), ['framework batch has registered'])
  t.deepEqual(sink.keep(book.added(batch, at(7202))), [])
  t.is(book.nameOf('F2'), 'batch')
  t.deepEqual(sink.keep(book.removed({ id: 'F2' }, at(7210))), [
    'framework batch is gone, with all its tasks',
  ])
  const older = { frameworks: [shop, batch], completed: [] }
  t.deepEqual(sink.keep(book.list(older, at(7212), at(7209))), [], 'the list is older')
  t.is(book.nameOf('F2'), 'batch', 'its tasks are still shown')
  const now = { frameworks: [shop], completed: [batch] }
  t.deepEqual(sink.keep(open().list(now, at(7300))), [])
  t.deepEqual(sink.keep(open().list({ frameworks: [], completed: [] }, at(7330))), [])
  t.deepEqual(sink.keep(open().list({ frameworks: [], completed: [shop] }, at(7360))), [
    'framework shop is gone, with all its tasks',
  ])
})

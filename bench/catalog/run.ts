import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { openCluster } from '../../collectors/mesos-cluster.ts'
import { readMasterEvent } from '../../collectors/mesos-events.ts'
import type { Collected } from '../../collectors/sink.ts'
import { toRecords } from '../../collectors/spool-records.ts'
import { openEmbeddedBus } from '../../pipeline/bus/embedded.ts'
import { wallClock } from '../../pipeline/clock.ts'
import { msToIso, type LogDoc } from '../../pipeline/event.ts'
import { parseJson } from '../../pipeline/http.ts'
import { encodeRecord } from '../../pipeline/record.ts'
import { openCatalog, resolve, resolveLines } from '../../processors/resolve.ts'
import { changesOf, subscribedEvent } from './master.ts'
import { heapMb, say } from '../measure.ts'

/*
 * The catalog of a large cluster: from a master's state and its changes to identities on the bus, from these to a catalog, and what
 * a line costs that is completed from it. Everything as it runs, but for the network; ratios are to parsing the JSON alone.
 *
 *   npm run bench:catalog -- --agents 500 --tasks 20000 --changes 40000
 */
const { values } = parseArgs({
  options: {
    agents: { type: 'string', default: '500' },
    tasks: { type: 'string', default: '20000' },
    changes: { type: 'string', default: '40000' },
  },
})
const size = { agents: Number(values.agents), tasks: Number(values.tasks) }
const wantedPerSecond = 2000

const nowMs = wallClock.now()

/** CPU seconds of this process. */
function cpuOf<T>(work: () => T): { seconds: number; result: T } {
  const before = process.cpuUsage()
  const result = work()
  const { user, system } = process.cpuUsage(before)
  return { seconds: (user + system) / 1e6, result }
}

function openBook() {
  const cluster = openCluster({
    name: 'mesos',
    cluster: 'bench',
    sink: { position: () => undefined, positions: () => [] },
  })
  return (text: string): Collected => {
    const { event } = readMasterEvent(parseJson(text))
    if (!event) throw new Error('an event that is not understood')
    return cluster.event(event, nowMs)
  }
}

say('agents, tasks', `${size.agents}, ${size.tasks.toLocaleString('en')}`)
const state = subscribedEvent(size)
const parseState = cpuOf(() => void JSON.parse(state)).seconds
const heapBefore = heapMb()
const tell = openBook()
const first = cpuOf(() => tell(state))
const held = heapMb() - heapBefore
say('a master’s whole state, MB', (state.length / 1e6).toFixed(1))
say(
  '  taken into the book, s (ratio to JSON.parse alone)',
  `${first.seconds.toFixed(2)} (${(first.seconds / parseState).toFixed(1)} ×)`,
)
say('  the same once more: nothing new, s', cpuOf(() => tell(state)).seconds.toFixed(2))
say('  memory that the book holds, MB', held.toFixed(0))

const changes = changesOf(Number(values.changes), size)
const parseChanges = cpuOf(() => changes.forEach((text) => void JSON.parse(text))).seconds
const told: Collected[] = [first.result]
const updates = cpuOf(() => changes.forEach((text) => told.push(tell(text))))
const each = updates.seconds / changes.length
say(
  'a change, µs (ratio to JSON.parse alone)',
  `${(each * 1e6).toFixed(0)} (${(updates.seconds / parseChanges).toFixed(1)} ×)`,
)
say(
  `  of one core at ${wantedPerSecond} changes a second`,
  `${(each * wantedPerSecond * 100).toFixed(1)} %`,
)

const dir = mkdtempSync(join(tmpdir(), 'mesoscope-bench-'))
try {
  const bus = await openEmbeddedBus({ dir, clock: wallClock })
  const identities = told.flatMap(toRecords).filter(({ topic }) => topic === 'identity')
  for (let at = 0; at < identities.length; at += 1000) {
    await bus.produce('identity', identities.slice(at, at + 1000))
  }
  await readCatalog(bus, identities.length)
  await bus.close()
} finally {
  rmSync(dir, { recursive: true, force: true })
}

async function readCatalog(
  bus: Awaited<ReturnType<typeof openEmbeddedBus>>,
  records: number,
): Promise<void> {
  const before = heapMb()
  const begun = performance.now()
  const store = { patchIdentity: () => Promise.resolve(0) }
  const catalog = await openCatalog({ bus, store, patienceMs: 0 })
  say(
    `a start reads ${records.toLocaleString('en')} records of identities back, s`,
    ((performance.now() - begun) / 1000).toFixed(2),
  )
  say('  memory that the catalog holds, MB', (heapMb() - before).toFixed(0))
  lineCost(catalog)
  await catalog.close()
}

/** Records of 256 lines, of tasks all over the cluster: with all that they need, and with what Mesos alone knows missing. */
function lineCost(catalog: Awaited<ReturnType<typeof openCatalog>>): void {
  const { task_added: added } = JSON.parse(changes[0] as string) as {
    task_added: { task: { task_id: { value: string } } }
  }
  const task = added.task.task_id.value
  const stamped = { service: '/team/service', task, container: 'c'.repeat(64), version: 'v1' }
  const docs = Array.from({ length: 256 }, (_, n): LogDoc => ({
    '@timestamp': msToIso(nowMs + n),
    'log.level': 'info',
    'event.id': `c:o:${n}:0`,
    'event.sequence': n,
    'log.iostream': 'stdout',
    message: `request ${n} handled in 12 ms by worker ${n % 7}, 200 OK, 1532 bytes`,
  }))
  const lacking = encodeRecord(docs, { source: 'c:o', lineage: 'l', identity: stamped })
  const whole = resolve(lacking, catalog)
  if (whole === lacking) throw new Error('nothing was known of the task')
  const rounds = 500
  const perLine = (work: () => void) => {
    for (let n = 0; n < 50; n++) work()
    const { seconds } = cpuOf(() => {
      for (let n = 0; n < rounds; n++) work()
    })
    return ((seconds / rounds / docs.length) * 1e6).toFixed(3)
  }
  say(
    'a line whose identity is complete, µs',
    perLine(() => void resolve(whole, catalog)),
  )
  say(
    'a line that is completed on its way to the store, µs',
    perLine(() => void resolve(lacking, catalog)),
  )
  say(
    'a line that is completed to be looked at, µs',
    perLine(() => void resolveLines(lacking, catalog).ndjson()),
  )
}

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import fc from 'fast-check'
import type { Problem } from '../../collectors/answer.ts'
import { containerMetrics } from '../../collectors/container-metrics.ts'
import { eventOf, listedIn, rootOf } from '../../collectors/docker-answers.ts'
import { lifeChanges } from '../../collectors/docker-changes.ts'
import { dockerIdentity } from '../../collectors/docker-identity.ts'
import { limitsOf, readStats } from '../../collectors/docker-stats-shape.ts'
import { readAgents } from '../../collectors/mesos-agents.ts'
import { openCluster } from '../../collectors/mesos-cluster.ts'
import { readMasterEvent } from '../../collectors/mesos-events.ts'
import { openExecutors } from '../../collectors/mesos-executors.ts'
import { readFrameworks } from '../../collectors/mesos-frameworks.ts'
import { containerIdentity } from '../../collectors/mesos-identity.ts'
import { readMetrics } from '../../collectors/mesos-metrics.ts'
import { readMaster } from '../../collectors/mesos-operator.ts'
import { readAgentState, readExecutors, readMasterState } from '../../collectors/mesos-state.ts'
import { readContainers, readingOf } from '../../collectors/mesos-statistics.ts'
import { readTasks } from '../../collectors/mesos-tasks.ts'
import { openRecordIo } from '../../collectors/recordio.ts'
import type { Collected } from '../../collectors/sink.ts'
import { toRecords } from '../../collectors/spool-records.ts'
import { Trouble } from '../../pipeline/errors.ts'
import { parseJson } from '../../pipeline/http.ts'
import { mutated, mutations } from '../helpers/mutate.ts'
import { sharedDir } from '../helpers/shared.ts'
import { bodyOf, mesosBytes, mesosFixture } from './mesos-fixture.ts'

const readers: Record<string, (answer: unknown) => { problems: Problem[] }> = {
  readAgents,
  readAgentState,
  readContainers,
  readExecutors,
  readFrameworks,
  readMaster,
  readMasterEvent,
  readMasterState,
  readMetrics,
  readStats,
  readTasks,
}

/** Ours, and the shared ones where they are there. */
function answersIn(kinds: RegExp): unknown[] {
  const own = fileURLToPath(new URL('../fixtures', import.meta.url))
  const shared = sharedDir()
  const roots = [own, ...(shared === undefined ? [] : [join(shared, 'fixtures')])]
  const files = roots.flatMap((root) =>
    readdirSync(root, { recursive: true, encoding: 'utf8' })
      .filter((name) => kinds.test(name) && name.endsWith('.json'))
      .map((name) => join(root, name)),
  )
  return files.flatMap((file) => {
    const text = readFileSync(file, 'utf8')
    return text.trim() === '' ? [] : [parseJson(text)]
  })
}

/** By its place: a report of what fails shall not hold whole answers. */
const oneOf = (values: readonly unknown[]) => fc.nat(values.length - 1)

const wellFormed = (problems: readonly Problem[]) =>
  problems.length <= 1000 &&
  problems.every(({ path, problem }) => path.startsWith('$') && problem !== '')

test('answers of Mesos with fields missing, renamed, of another type, huge or deep: nothing throws', (t) => {
  const answers = answersIn(/^mesos-[^/]*\//)
  t.true(answers.length > 15)
  const property = fc.property(oneOf(answers), mutations, (at, steps) => {
    const value = mutated(answers[at], steps)
    for (const [name, read] of Object.entries(readers)) {
      t.true(wellFormed(read(value).problems), name)
    }
  })
  fc.assert(property, { numRuns: 1500, seed: 4, includeErrorInReport: true })
})

test('answers of Docker, likewise', (t) => {
  const answers = answersIn(/^docker[^/]*\//)
  t.true(answers.length > 10)
  const property = fc.property(oneOf(answers), mutations, (at, steps) => {
    const value = mutated(answers[at], steps)
    const { reading, problems } = readStats(value)
    t.true(wellFormed(problems))
    if (reading) t.true(allFinite(containerMetrics(reading, undefined)))
    const identity = dockerIdentity(value, { hostname: 'box' })
    const { State, HostConfig } = Object(value) as Record<string, unknown>
    t.true(
      isTold({ changes: lifeChanges('c', identity, State, {}).changes, identities: [identity] }),
    )
    t.true(allFinite(limitsOf(HostConfig)))
    t.true((listedIn(value) ?? []).every(({ id }) => /^[0-9a-f]{1,64}$/.test(id)))
    t.true(['string', 'undefined'].includes(typeof rootOf(value)))
    const event = eventOf(
      JSON.stringify(value, (_, one: unknown) => (typeof one === 'bigint' ? 0 : one)),
    )
    t.true(event === undefined || typeof event.timeNs === 'bigint')
  })
  fc.assert(property, { numRuns: 1500, seed: 5, includeErrorInReport: true })
})

const allFinite = (metrics: object) =>
  Object.values(metrics).every((value) => typeof value !== 'number' || Number.isFinite(value))

/** What is made of it can go to the spool and be read again. */
function isTold(batch: Collected): boolean {
  const records = toRecords(batch)
  const times = (batch.changes ?? []).map((change) => change['@timestamp'])
  return (
    records.every(({ key }) => typeof key === 'string' && key.isWellFormed()) &&
    times.every((time) => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/.test(time)) &&
    typeof JSON.stringify(batch.positions ?? {}) === 'string'
  )
}

function eventsOf(name: string): unknown[] {
  const cut = openRecordIo()
  return cut(bodyOf(mesosBytes(`stream/${name}.raw`))).map((record) => parseJson(String(record)))
}

test('what is concluded of mutated events and lists can be told', (t) => {
  const events = [...eventsOf('sub_json'), ...eventsOf('sub2_json')]
  const state = readMasterState(mesosFixture('steady/master_op_GET_STATE.json'))
  const tasks = mesosFixture('steady/master_tasks.json')
  const slaves = mesosFixture('steady/master_slaves.json')
  const sink = { position: () => undefined, positions: () => [] }
  const nowMs = 1_795_377_600_000
  const property = fc.property(
    fc.array(fc.tuple(oneOf(events), mutations), { maxLength: 6 }),
    mutations,
    (some, steps) => {
      const cluster = openCluster({ name: 'm', cluster: 'test', sink })
      const batches = [
        cluster.frameworksListed(state, nowMs, nowMs),
        cluster.agentsListed(readAgents(mutated(slaves, steps)), nowMs, nowMs),
        ...some.map(([at, more]) => {
          const read = readMasterEvent(mutated(events[at], more))
          return read.event ? cluster.event(read.event, nowMs) : {}
        }),
        cluster.tasksListed(readTasks(mutated(tasks, steps)).tasks, {
          nowMs,
          patient: false,
          complete: true,
        }),
      ]
      t.true(batches.every(isTold))
    },
  )
  fc.assert(property, { numRuns: 400, seed: 6, includeErrorInReport: true })
})

test('what is measured of mutated containers is finite, and has an identity that can be told', (t) => {
  const containers = mesosFixture('cgroups/containers.json')
  const state = mesosFixture('steady/agent2_state.json')
  const property = fc.property(mutations, mutations, (ofContainers, ofState) => {
    const executors = openExecutors({ cluster: 'test' })
    executors.update(readAgentState(mutated(state, ofState)), 'agent-1')
    for (const container of readContainers(mutated(containers, ofContainers)).containers) {
      const now = readingOf(container.usage ?? {}, 1_795_377_929_000_000_000n)
      const before = { ...now, timeNs: now.timeNs - 5_000_000_000n, cpuSeconds: 0, periods: 0 }
      t.true(allFinite(containerMetrics(now, before)))
      const identity = containerIdentity(container, executors.find(container), { cluster: 'test' })
      t.true(Object.values(identity).every((part) => part !== ''))
    }
  })
  fc.assert(property, { numRuns: 1000, seed: 7, includeErrorInReport: true })
})

test('a damaged stream is cut into records, or refused with a Trouble', (t) => {
  const body = bodyOf(mesosBytes('stream/sub_json.raw'))
  const change = fc.tuple(fc.nat(body.length - 1), fc.nat(255))
  const property = fc.property(
    fc.array(change, { maxLength: 5 }),
    fc.integer({ min: 1, max: 5000 }),
    (changes, size) => {
      const bytes = Buffer.from(body)
      for (const [at, value] of changes) bytes[at] = value
      const cut = openRecordIo()
      try {
        for (let at = 0; at < bytes.length; at += size) cut(bytes.subarray(at, at + size))
      } catch (error) {
        t.true(error instanceof Trouble)
      }
    },
  )
  fc.assert(property, { numRuns: 300, seed: 8, includeErrorInReport: true })
})

/** Fields without which something is not understood, in an answer that is otherwise whole. */
const needed: [fixture: string, reader: string, path: (string | number)[]][] = [
  ['steady/master_tasks.json', 'readTasks', ['tasks']],
  ['steady/master_tasks.json', 'readTasks', ['tasks', 0, 'id']],
  ['steady/master_tasks.json', 'readTasks', ['tasks', 0, 'statuses', 1, 'state']],
  ['steady/master_op_GET_TASKS.json', 'readTasks', ['get_tasks', 'tasks', 0, 'task_id']],
  ['steady/master_slaves.json', 'readAgents', ['slaves']],
  ['steady/master_slaves.json', 'readAgents', ['slaves', 1, 'id']],
  [
    'steady/master_op_GET_AGENTS.json',
    'readAgents',
    ['get_agents', 'agents', 0, 'agent_info', 'id'],
  ],
  [
    'steady/master_op_GET_FRAMEWORKS.json',
    'readFrameworks',
    ['get_frameworks', 'frameworks', 0, 'framework_info', 'id'],
  ],
  [
    'steady/master_op_GET_STATE.json',
    'readMasterState',
    ['get_state', 'get_tasks', 'tasks', 0, 'task_id'],
  ],
  ['steady/master_op_GET_MASTER.json', 'readMaster', ['get_master', 'master_info']],
  ['steady/agent1_state.json', 'readAgentState', ['frameworks']],
  ['steady/agent1_state.json', 'readAgentState', ['frameworks', 0, 'executors', 0, 'id']],
  ['steady/agent2_op_GET_CONTAINERS_nested.json', 'readContainers', ['get_containers']],
]

for (const [fixture, reader, path] of needed) {
  test(`${fixture} without ${path.join('.')}: told`, (t) => {
    const copy = structuredClone(mesosFixture(fixture))
    const holder = path.slice(0, -1).reduce((value, key) => (value as never)[key], copy) as Record<
      string | number,
      unknown
    >
    const key = path.at(-1) as string | number
    t.true(key in holder)
    const read = readers[reader] as (typeof readers)[string]
    t.deepEqual(read(copy).problems, [])
    delete holder[key]
    t.true(read(copy).problems.length > 0, 'missing')
    holder[key] = 7n
    t.true(read(copy).problems.length > 0, 'of another type')
  })
}

/** Fields that may be missing, but not be of another type. */
const typed: [fixture: string, reader: string, path: (string | number)[]][] = [
  ['steady/master_tasks.json', 'readTasks', ['tasks', 0, 'state']],
  ['steady/master_tasks.json', 'readTasks', ['tasks', 0, 'framework_id']],
  ['steady/master_tasks.json', 'readTasks', ['tasks', 0, 'statuses', 0, 'timestamp']],
  ['steady/master_tasks.json', 'readTasks', ['tasks', 0, 'labels', 0, 'key']],
  ['steady/master_slaves.json', 'readAgents', ['slaves', 0, 'pid']],
  ['steady/master_slaves.json', 'readAgents', ['slaves', 0, 'active']],
  ['steady/agent1_containers.json', 'readContainers', [0, 'statistics']],
  ['steady/agent1_containers.json', 'readContainers', [0, 'statistics', 'mem_rss_bytes']],
  ['steady/agent1_containers.json', 'readContainers', [0, 'framework_id']],
  ['steady/agent1_metrics_snapshot.json', 'readMetrics', ['slave/cpus_used']],
]

for (const [fixture, reader, path] of typed) {
  test(`${fixture} with another type at ${path.join('.')}: told`, (t) => {
    const copy = structuredClone(mesosFixture(fixture))
    const holder = path.slice(0, -1).reduce((value, key) => (value as never)[key], copy) as Record<
      string | number,
      unknown
    >
    const read = readers[reader] as (typeof readers)[string]
    holder[path.at(-1) as string | number] = [true]
    t.true(read(copy).problems.length > 0)
  })
}

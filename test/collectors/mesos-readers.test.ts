import test from 'ava'
import type { Problem } from '../../collectors/answer.ts'
import { readAgents } from '../../collectors/mesos-agents.ts'
import { readMasterEvent } from '../../collectors/mesos-events.ts'
import { readFrameworks } from '../../collectors/mesos-frameworks.ts'
import { readMetrics } from '../../collectors/mesos-metrics.ts'
import { readMaster } from '../../collectors/mesos-operator.ts'
import { readAgentState, readMasterState } from '../../collectors/mesos-state.ts'
import { readContainers } from '../../collectors/mesos-statistics.ts'
import { containerOf, readTasks, type MesosTask } from '../../collectors/mesos-tasks.ts'
import { pidAddress } from '../../collectors/mesos-values.ts'
import { openRecordIo } from '../../collectors/recordio.ts'
import { parseJson } from '../../pipeline/http.ts'
import { bodyOf, mesosBytes, mesosFixture } from './mesos-fixture.ts'

const fw = '8ad4b0a7-0143-493f-8160-dbdea31d2cb6'
const noProblems: Problem[] = []

test('/containers of an agent with posix isolation: no hard CPU limit, no total memory', (t) => {
  const { containers, problems } = readContainers(mesosFixture('steady/agent1_containers.json'))
  t.deepEqual(problems, noProblems)
  t.is(containers.length, 2)
  t.deepEqual(containers[0], {
    container: '1b7c1dbc-9e67-4a0c-ae7b-a81e4c9788d9',
    executor: 'burner.1',
    executorName: "Command Executor (Task: burner.1) (Command: sh -c 'while true; ...')",
    framework: `${fw}-0000`,
    source: 'burner.1',
    usage: {
      timeNs: 1795377558418329000n,
      cpuUserSeconds: 0.63,
      cpuSystemSeconds: 0.12,
      cpuSoftLimit: 0.3,
      memRss: 453214208,
      memLimit: 100663296,
      diskUsed: 8192,
    },
  })
})

test('/containers of an agent with cgroups', (t) => {
  const { containers, problems } = readContainers(mesosFixture('cgroups/containers.json'))
  t.deepEqual(problems, noProblems)
  t.like(containers[0]?.usage, {
    cpuLimit: 1.1,
    cpuSoftLimit: 0.6,
    periods: 178,
    throttledPeriods: 0,
    memTotal: 25448448,
    memCache: 3293184,
    memAnon: 19902464,
    memLimit: 1107296256,
  })
})

test('/monitor/statistics has no container ids', (t) => {
  const { containers } = readContainers(mesosFixture('steady/agent1_monitor_statistics.json'))
  t.deepEqual(
    containers.map(({ container, executor }) => [container, executor]),
    [
      [undefined, 'burner.1'],
      [undefined, 'web.instance-0001.1'],
    ],
  )
})

test('GET_CONTAINERS: nested containers have a parent, and no usage', (t) => {
  const read = readContainers(mesosFixture('steady/agent2_op_GET_CONTAINERS_nested.json'))
  t.deepEqual(read.problems, noProblems)
  t.is(read.containers.length, 4)
  const nested = read.containers[2]
  t.is(nested?.parent, 'd6269bf5-6286-409b-b0fc-4574df9dc9cb')
  t.is(nested?.executor, undefined)
  t.deepEqual(Object.keys(nested?.usage ?? {}), ['timeNs', 'cpuSoftLimit', 'memLimit'])
})

test('the operator API of an agent without containers', (t) => {
  const read = readContainers({ type: 'GET_CONTAINERS', get_containers: {} })
  t.deepEqual(read, { containers: [], problems: [] })
})

const byId = (tasks: readonly MesosTask[], id: string) => tasks.find((task) => task.id === id)

for (const name of ['master_tasks', 'master_op_GET_TASKS']) {
  test(`${name}: v0 and v1 are read to the same`, (t) => {
    const { tasks, problems } = readTasks(mesosFixture(`steady/${name}.json`))
    t.deepEqual(problems, noProblems)
    t.is(tasks.length, 12)
    const web = byId(tasks, 'web.instance-0001.1') as MesosTask
    t.like(web, {
      name: 'web',
      framework: `${fw}-0000`,
      agent: `${fw}-S0`,
      state: 'TASK_RUNNING',
      discovery: 'web.shop',
      version: '1.4.2',
    })
    t.is(web.executor, undefined)
    t.deepEqual(
      { ...web.labels },
      {
        app: 'web',
        team: 'shop',
        tier: 'front',
        'lab.trace_id': 'abc123',
        HAPROXY_0_VHOST: 'shop.example',
      },
    )
    t.deepEqual(
      web.statuses.map(({ state, timeNs, healthy }) => [state, timeNs, healthy]),
      [
        ['TASK_STARTING', 1795377472842710000n, undefined],
        ['TASK_RUNNING', 1795377474973644000n, true],
      ],
    )
    t.is(containerOf(web).container, 'c72173c0-96bf-4c95-a891-ea4299c10a7c')
    const sidecar = byId(tasks, 'sidecar.pod-1') as MesosTask
    t.is(sidecar.executor, 'default-executor')
    t.is(containerOf(sidecar).parent, 'd6269bf5-6286-409b-b0fc-4574df9dc9cb')
    const finished = byId(tasks, 'exec-json-1') as MesosTask
    t.is(finished.state, 'TASK_FINISHED')
    t.is(finished.statuses.at(-1)?.state, 'TASK_KILLED', 'its framework went after it')
  })
}

test('only the operator API tells why', (t) => {
  const { tasks } = readTasks(mesosFixture('steady/master_op_GET_TASKS.json'))
  t.like(byId(tasks, 'bad-uri.1')?.statuses[0], {
    source: 'SOURCE_AGENT',
    reason: 'REASON_CONTAINER_LAUNCH_FAILED',
  })
  t.is(byId(tasks, 'batch-fail.1')?.statuses.at(-1)?.message, 'Command exited with status 3')
})

for (const name of ['master_slaves', 'master_op_GET_AGENTS', 'master_state_summary']) {
  test(`${name}: agents with their addresses`, (t) => {
    const { agents, recovered, problems } = readAgents(mesosFixture(`steady/${name}.json`))
    t.deepEqual(problems, noProblems)
    t.deepEqual(recovered, [])
    t.deepEqual(
      agents.map(({ id, hostname, address, active }) => [id, hostname, address?.port, active]),
      [
        [`${fw}-S1`, 'localhost', 25052, true],
        [`${fw}-S0`, 'localhost', 25051, true],
      ],
    )
    // v0 has microseconds, v1 nanoseconds beyond 2^53: neither loses a digit.
    const expected = name.includes('op_') ? 1795377384298845952n : 1795377384298846000n
    t.is(agents[0]?.registeredNs, expected)
  })
}

test('agents on IPv6, recovered ones, and a pid that is none', (t) => {
  const { agents, recovered, problems } = readAgents({
    slaves: [
      { id: 'a', pid: 'slave(1)@[fd01::1]:5051' },
      { id: 'b', pid: 'slave(1)@10.0.0.1:99999' },
    ],
    recovered_slaves: [{ id: 'c', hostname: 'box' }],
  })
  t.deepEqual(agents, [
    { id: 'a', address: { process: 'slave(1)', host: 'fd01::1', port: 5051 } },
    { id: 'b' },
  ])
  t.deepEqual(recovered, [{ id: 'c', hostname: 'box' }])
  t.deepEqual(problems, [{ path: '$.slaves[1].pid', problem: 'is no pid (name@address:port)' }])
})

test('GET_STATE and /state-summary of a master', (t) => {
  const state = readMasterState(mesosFixture('steady/master_op_GET_STATE.json'))
  t.deepEqual(state.problems, noProblems)
  const sizes = [state.agents, state.frameworks, state.completed, state.tasks, state.executors]
  t.deepEqual(
    sizes.map(({ length }) => length),
    [2, 2, 2, 12, 1],
  )
  const summary = readMasterState(mesosFixture('steady/master_state_summary.json'))
  t.like(summary, { cluster: 'lab', hostname: 'localhost', tasks: [] })
  t.deepEqual(
    summary.frameworks.map(({ name }) => name),
    ['mesos-execute instance', 'shop'],
  )
})

test('the leader', (t) => {
  const { leader, problems } = readMaster(mesosFixture('steady/master_op_GET_MASTER.json'))
  t.deepEqual(problems, noProblems)
  t.like(leader, { id: fw, pid: 'master@127.0.0.1:25050', electedNs: 1795377380238054000n })
})

test('/state of an agent: executors with their containers and tasks', (t) => {
  const state = readAgentState(mesosFixture('steady/agent2_state.json'))
  t.deepEqual(state.problems, noProblems)
  t.like(state, { id: `${fw}-S1`, hostname: 'localhost', version: '1.11.0' })
  t.deepEqual(
    state.executors.map(({ id, container, tasks, completed }) => [
      id,
      container,
      tasks.map((task) => task.id),
      completed,
    ]),
    [
      [
        'default-executor',
        'd6269bf5-6286-409b-b0fc-4574df9dc9cb',
        ['frontend.pod-1', 'sidecar.pod-1'],
        false,
      ],
      [
        'web.instance-0002.1',
        'f51c94fd-5b82-40a7-aefe-843092c08686',
        ['web.instance-0002.1'],
        false,
      ],
      ['fail-cli', '9b587135-4173-42e1-91dd-9abc73c72e4d', ['fail-cli'], true],
    ],
  )
})

test('frameworks', (t) => {
  const { frameworks, completed, problems } = readFrameworks(
    mesosFixture('steady/master_op_GET_FRAMEWORKS.json'),
  )
  t.deepEqual(problems, noProblems)
  t.deepEqual([frameworks.length, completed.length], [2, 2])
  t.like(frameworks[1], { id: `${fw}-0000`, name: 'shop', active: true })
})

test('metrics: all names are taken', (t) => {
  const { metrics, problems } = readMetrics(mesosFixture('steady/master_metrics_snapshot.json'))
  t.deepEqual(problems, noProblems)
  t.is(metrics['master/elected'], 1)
  t.is(Object.keys(metrics).length, 493)
  t.deepEqual({ ...readMetrics({ a: 1, b: 'x' }).metrics }, { a: 1 })
})

function eventsOf(name: string, chunkBytes: number): unknown[] {
  const body = bodyOf(mesosBytes(`stream/${name}.raw`))
  const cut = openRecordIo()
  const records: Buffer[] = []
  for (let at = 0; at < body.length; at += chunkBytes) {
    records.push(...cut(body.subarray(at, at + chunkBytes)))
  }
  return records.map((record) => parseJson(record.toString('utf8')))
}

for (const chunkBytes of [1, 7, 1024, 1 << 20]) {
  test(`the stream of a master, in chunks of ${chunkBytes} bytes`, (t) => {
    const read = eventsOf('sub_json', chunkBytes).map(readMasterEvent)
    t.deepEqual(
      read.flatMap(({ problems }) => problems),
      noProblems,
    )
    const counts = Map.groupBy(read, ({ type }) => type)
    t.deepEqual(
      [...counts].map(([type, { length }]) => [type, length]),
      [
        ['SUBSCRIBED', 1],
        ['HEARTBEAT', 10],
        ['FRAMEWORK_ADDED', 4],
        ['TASK_ADDED', 12],
        ['TASK_UPDATED', 36],
        ['FRAMEWORK_REMOVED', 2],
      ],
    )
  })
}

test('an update may carry a newer state than its status', (t) => {
  const update = eventsOf('sub_json', 4096)
    .map((event) => readMasterEvent(event).event)
    .find((event) => event?.type === 'TASK_UPDATED' && event.update.id === 'web.instance-0002.1')
  t.like(update, {
    update: { state: 'TASK_RUNNING', agent: `${fw}-S1`, executor: 'web.instance-0002.1' },
  })
  t.is(update?.type === 'TASK_UPDATED' ? update.update.status?.state : '', 'TASK_STARTING')
})

test('the snapshot at the beginning of a stream', (t) => {
  const { event } = readMasterEvent(eventsOf('sub2_json', 4096)[0])
  if (event?.type !== 'SUBSCRIBED') return t.fail()
  t.is(event.heartbeatSeconds, 15)
  t.deepEqual([event.state.tasks.length, event.state.agents.length], [12, 2])
})

test('the flat update of the documentation, and types of a later Mesos', (t) => {
  const flat = readMasterEvent({
    type: 'TASK_UPDATED',
    task_updated: { task_id: { value: 't' }, agent_id: { value: 'a' }, state: 'TASK_RUNNING' },
  })
  t.deepEqual(flat.event, {
    type: 'TASK_UPDATED',
    update: { id: 't', agent: 'a', state: 'TASK_RUNNING' },
  })
  t.deepEqual(readMasterEvent({ type: 'MOON_ADDED' }), {
    type: 'MOON_ADDED',
    problems: [{ path: '$.type (MOON_ADDED)', problem: 'is of a type that is not known' }],
  })
  t.is(readMasterEvent({ type: 'TASK_ADDED' }).problems.length, 1)
})

test('a stream that is no RecordIO is refused', (t) => {
  for (const text of ['<html>', '12345678901234', '\n', '-1\nx', '999999999999\n{}']) {
    t.throws(() => openRecordIo()(Buffer.from(text)), { name: 'Trouble' }, text)
  }
  t.deepEqual(openRecordIo()(Buffer.from('1')), [])
})

const wrong: [string, unknown, Problem][] = [
  ['text', 'x', { path: '$', problem: 'expected an object, got text' }],
  ['a list', [], { path: '$', problem: 'expected an object, got a list' }],
  ['nothing', null, { path: '$', problem: 'expected an object, got nothing' }],
]

for (const [title, answer, problem] of wrong) {
  test(`${title} instead of an answer is named`, (t) => {
    for (const read of [readTasks, readAgents, readMasterState, readAgentState, readMetrics]) {
      t.deepEqual(read(answer).problems, [problem], read.name)
    }
  })
}

test('what is wrong is named with its place, the rest is taken', (t) => {
  const { tasks, problems } = readTasks({
    tasks: [
      { id: 'a', state: 7, statuses: [{ state: 'TASK_RUNNING', timestamp: 'soon' }, {}] },
      { name: 'b' },
      'c',
      { id: 'd', labels: [{ value: 'x' }, { key: 'k' }], statuses: 'none' },
    ],
  })
  t.deepEqual(
    tasks.map(({ id }) => id),
    ['a', 'd'],
  )
  t.deepEqual(
    problems.map(({ path, problem }) => `${path}: ${problem}`),
    [
      '$.tasks[2]: expected an object, got text',
      '$.tasks[0].state: expected text, got a number',
      '$.tasks[0].statuses[0].timestamp: expected a number, got text',
      '$.tasks[0].statuses[1]: a status without a state',
      '$.tasks[1]: a task without an id',
      '$.tasks[3].statuses: expected a list, got text',
      '$.tasks[3].labels[0]: has no key',
    ],
  )
})

const pids: [string, unknown][] = [
  ['slave(1)@10.0.0.1:5051', { process: 'slave(1)', host: '10.0.0.1', port: 5051 }],
  ['master@node-1.example.org:5050', { process: 'master', host: 'node-1.example.org', port: 5050 }],
  ['slave(1)@[fd01::1]:5051', { process: 'slave(1)', host: 'fd01::1', port: 5051 }],
  ['slave(1)@fd01::1:5051', undefined],
  ['slave(1)@10.0.0.1', undefined],
  ['slave(1)@10.0.0.1:0', undefined],
  ['slave(1)@a?b:5051', undefined],
  ['slave(1)@a b:5051', undefined],
  ['', undefined],
]

for (const [pid, expected] of pids) {
  test(`pid ${JSON.stringify(pid)}`, (t) => {
    t.deepEqual(pidAddress(pid), expected as never)
  })
}

test('labels that a framework gives the container are labels of the task; its own win', (t) => {
  const parameters = [
    { key: 'label', value: 'mesoscope.service=/batch/report' },
    { key: 'label', value: 'team=a=b' },
    { key: 'label', value: 'MESOS_TASK_ID=job.1' },
    { key: 'label', value: 'no value' },
    { key: 'memory-swap', value: 'x=1' },
    { key: 'label' },
    'rubbish',
  ]
  const container = { type: 'DOCKER', docker: { image: 'i', parameters } }
  const task = { id: 'job.1', container, labels: [{ key: 'team', value: 'own' }] }
  const { tasks } = readTasks({ tasks: [task] })
  t.deepEqual({ ...tasks[0]?.labels }, { 'mesoscope.service': '/batch/report', team: 'own' })
})

import { gunzipSync } from 'node:zlib'
import test, { type ExecutionContext } from 'ava'
import { manualClock } from '../../../pipeline/clock.ts'
import { openMesosMaster } from '../../../playground/mesos/master.ts'
import { rawHttp, type RawAnswer } from '../../helpers/raw-http.ts'
import { fill, makeCluster, startedAt, type MadeCluster } from './made-cluster.ts'
import { fixture, rawFixture, withFixtures } from './shapes.ts'

interface Open {
  url: string
  cluster: MadeCluster
}

async function open(t: ExecutionContext, leads: boolean, leader?: string): Promise<Open> {
  const cluster = makeCluster(t)
  fill(cluster)
  const master = await openMesosMaster({
    cluster,
    port: 0,
    isLeader: () => leads,
    leaderAddress: () => (leads ? new URL(master.url).host : leader),
    clock: manualClock(startedAt + 60_000),
  })
  t.teardown(() => master.close())
  return { url: master.url, cluster }
}

const leading = (t: ExecutionContext) => open(t, true)
const json = { 'Content-Type': 'application/json' }

const post = (url: string, body: string, headers: Record<string, string> = json) =>
  rawHttp(url, '/api/v1', { method: 'POST', headers, body })

/** The lines that libprocess writes, without the time. */
function head({ statusLine, headerLines }: RawAnswer): string[] {
  return [
    statusLine,
    ...headerLines.map((line) => line.replace(/^(Date|Content-Length): .*/, '$1')),
  ]
}

function realHead(name: string): string[] {
  const [statusLine = '', ...headerLines] =
    rawFixture(name).toString().split('\r\n\r\n')[0]?.split('\r\n') ?? []
  return head({ statusLine, headerLines } as RawAnswer)
}

const redirected: [string, string, string][] = [
  ['state', 'GET', '/state'],
  ['state_abs', 'GET', '/master/state'],
  ['state_summary', 'GET', '/state-summary'],
  ['tasks_query', 'GET', '/tasks?limit=5&offset=2'],
  ['slaves', 'GET', '/slaves'],
  ['frameworks', 'GET', '/frameworks'],
  ['roles', 'GET', '/roles'],
  ['redirect', 'GET', '/redirect'],
  ['master_redirect', 'GET', '/master/redirect'],
  ...['GET_HEALTH', 'GET_MASTER', 'GET_METRICS', 'GET_STATE', 'GET_TASKS', 'SUBSCRIBE'].map(
    (type): [string, string, string] => [`op_${type}`, 'POST', '/api/v1'],
  ),
]

for (const [name, method, target] of redirected) {
  withFixtures(
    `a follower sends ${target} to the leader as a real one does: ${name}`,
    async (t) => {
      const { url } = await open(t, false, 'localhost:25061')
      const answer = await rawHttp(url, target, { method, headers: json, body: '' })
      const real = rawFixture(`ha/follower_${name}.http`).toString()
      const withoutDate = (text: string) => text.replace(/^Date: .*\r\n/m, '')
      const ours = `${[answer.statusLine, ...answer.headerLines].join('\r\n')}\r\n\r\n${answer.text}`
      t.is(withoutDate(ours), withoutDate(real))
    },
  )
}

for (const name of ['health', 'version', 'flags', 'metrics']) {
  withFixtures(`a follower answers itself, with the head of a real one: ${name}`, async (t) => {
    const { url } = await open(t, false, 'localhost:25061')
    const answer = await rawHttp(url, name === 'metrics' ? '/metrics/snapshot' : `/${name}`)
    t.deepEqual(head(answer), realHead(`ha/follower_${name}.http`))
    t.is(answer.headers['content-length'], String(answer.body.length))
  })
}

withFixtures('a follower measures what a real one measures', async (t) => {
  const { url } = await open(t, false, 'localhost:25061')
  const ours = JSON.parse((await rawHttp(url, '/metrics/snapshot')).text) as object
  const real = JSON.parse(fixture('ha/follower_metrics.http')) as object
  t.deepEqual(Object.keys(ours), Object.keys(real))
})

test('without a leader, what is the leader’s is refused with 503', async (t) => {
  const { url } = await open(t, false)
  for (const target of ['/state', '/redirect', '/api/v1']) {
    const answer = await rawHttp(url, target)
    t.is(answer.statusLine, 'HTTP/1.1 503 Service Unavailable')
    t.is(answer.text, 'No leader elected')
  }
  t.is((await rawHttp(url, '/health')).status, 200)
})

withFixtures('the leader answers with the head of a real one', async (t) => {
  const { url } = await leading(t)
  t.deepEqual(head(await rawHttp(url, '/state')), realHead('ha/leader_state.http'))
  const operator = await post(url, '{"type": "GET_MASTER"}')
  t.deepEqual(head(operator), realHead('ha/leader_op_GET_MASTER.http'))
  const redirect = await rawHttp(url, '/redirect')
  t.deepEqual(head(redirect).slice(0, 2), realHead('ha/leader_redirect.http').slice(0, 2))
  t.is(redirect.headers['location'], `//${new URL(url).host}`)
})

test('numbers are written as Mesos writes them', async (t) => {
  const { url, cluster } = await leading(t)
  const { text } = await rawHttp(url, '/state')
  t.regex(
    text,
    /"resources":{"disk":8192\.0,"mem":4096\.0,"gpus":0\.0,"cpus":4\.0,"ports":"\[31000-31999\]"}/,
  )
  t.regex(text, /"registered_time":1795377384\.232\d+,/)
  t.regex(text, /"ports":"\[31005-31006\]"/)
  t.regex(text, /"ssd":1\.0/)
  t.regex(text, /"port":\d+,/)
  const { text: v1 } = await post(url, '{"type": "GET_AGENTS"}')
  const [nanoseconds = ''] = /(?<="registered_time":{"nanoseconds":)\d+/.exec(v1) ?? []
  t.is(nanoseconds.length, 19)
  // A double holds no such number: it is the product of one, to the last digit.
  t.true(BigInt(nanoseconds) > BigInt(Number.MAX_SAFE_INTEGER))
  const [agent] = cluster.agents()
  t.is(BigInt(nanoseconds) / 1_000_000n, BigInt(agent?.registeredAt ?? 0))
})

test('a command task has no executor at the master; a pod’s has the pod’s', async (t) => {
  const { url } = await leading(t)
  const { tasks } = JSON.parse((await rawHttp(url, '/tasks')).text) as {
    tasks: { id: string; executor_id: string }[]
  }
  const executor = (id: string) => tasks.find((task) => task.id === id)?.executor_id
  t.is(executor('shop_web.instance-1._app.1'), '')
  t.is(executor('shop_pod.instance-1.sidecar.1'), 'instance-pod.1')
})

test('/tasks is a page of all tasks, by the time of their first status', async (t) => {
  const { url } = await leading(t)
  const ids = async (query: string) => {
    const { text } = await rawHttp(url, `/tasks?${query}`)
    return (JSON.parse(text) as { tasks: { id: string }[] }).tasks.map(({ id }) => id)
  }
  const all = await ids('')
  t.is(all.length, 8)
  t.is(all[0], 'report.3')
  // Without a status it is older than all.
  t.is(all.at(-1), 'staging.1')
  t.deepEqual(await ids('order=asc'), all.toReversed())
  t.deepEqual(await ids('limit=2&offset=1'), all.slice(1, 3))
  t.deepEqual(await ids('task_id=report.2'), ['report.2'])
  t.deepEqual(await ids('limit=nonsense&framework_id=none'), [])
})

test('/slaves of one agent; an unreachable one is only counted, and its tasks are kept apart', async (t) => {
  const { url, cluster } = await leading(t)
  const [first, second] = cluster.agents()
  const slaves = async (query = '') => {
    const { text } = await rawHttp(url, `/slaves${query}`)
    return (JSON.parse(text) as { slaves: { id: string }[] }).slaves.map(({ id }) => id)
  }
  t.deepEqual(await slaves(`?slave_id=${second?.id}`), [second?.id])
  if (first) first.active = false
  t.deepEqual(await slaves(), [second?.id])
  const { text } = await rawHttp(url, '/state')
  t.regex(text, /"activated_slaves":1\.0,"deactivated_slaves":0\.0,"unreachable_slaves":1\.0/)
  t.regex(text, /"unreachable_tasks":\[{"id":"report\.3"/)
})

test('the operator API refuses what it does not understand as Mesos does', async (t) => {
  const { url } = await leading(t)
  const get = await rawHttp(url, '/api/v1')
  t.is(get.statusLine, 'HTTP/1.1 405 Method Not Allowed')
  t.is(get.headers['allow'], 'POST')
  t.is(get.text, "405 Method Not Allowed. Expecting one of { 'POST' }, but received 'GET'.")
  const refusals: [string, Record<string, string>, number, RegExp][] = [
    ['{}', {}, 400, /^Expecting 'Content-Type' to be present$/],
    [
      '{}',
      { 'Content-Type': 'text/plain' },
      415,
      /^Expecting 'Content-Type' of application\/json or/,
    ],
    ['{', json, 400, /^Failed to parse body into JSON: syntax error at line 1 near: /],
    ['[]', json, 400, /^Failed to convert JSON into Call protobuf/],
    ['{"type": "BOGUS"}', json, 400, /^Failed to validate master::Call: Expecting 'type' to be/],
    ['{"type": "GET_METRICS"}', json, 400, /Expecting 'get_metrics' to be present$/],
    ['{"type": "GET_CONTAINERS"}', json, 400, /Expecting 'type' to be present$/],
    ['{"type": "TEARDOWN"}', json, 403, /^403 Forbidden\.$/],
  ]
  for (const [body, headers, status, text] of refusals) {
    const answer = await post(url, body, headers)
    t.is(answer.status, status, body)
    t.regex(answer.text, text)
    t.is(answer.headers['content-type'], 'text/plain; charset=utf-8')
  }
})

withFixtures('who accepts nothing that it has is told so as by a real one', async (t) => {
  const { url } = await leading(t)
  const headers = { ...json, Accept: 'application/recordio' }
  const answer = await post(url, '{"type": "SUBSCRIBE"}', headers)
  const [real = '', body = ''] = rawFixture('stream/sub_recordio.raw').toString().split('\r\n\r\n')
  const [statusLine = '', ...headerLines] = real.split('\r\n')
  t.deepEqual(head(answer), head({ statusLine, headerLines } as RawAnswer))
  t.is(answer.text, body)
})

test('what is not there is 404: .json endpoints are gone since 1.x, agents have others', async (t) => {
  const { url } = await leading(t)
  for (const target of ['/state.json', '/nosuch', '/monitor/statistics', '/redirect/state']) {
    const answer = await rawHttp(url, target)
    t.is(answer.statusLine, 'HTTP/1.1 404 Not Found', target)
    t.is(answer.text, '404 Not Found.')
  }
})

test('long answers are zipped for who asks for it, and are scripts for who names a function', async (t) => {
  const { url } = await leading(t)
  const plain = await rawHttp(url, '/state')
  const zipped = await rawHttp(url, '/state', { headers: { 'Accept-Encoding': 'gzip, deflate' } })
  t.is(zipped.headers['content-encoding'], 'gzip')
  t.is(zipped.headers['content-length'], String(zipped.body.length))
  t.is(gunzipSync(zipped.body).toString(), plain.text)
  const refused = await rawHttp(url, '/state', { headers: { 'Accept-Encoding': 'gzip;q=0' } })
  t.is(refused.headers['content-encoding'], undefined)
  const short = await rawHttp(url, '/version', { headers: { 'Accept-Encoding': 'gzip' } })
  t.is(short.headers['content-encoding'], undefined)
  const script = await rawHttp(url, '/version?jsonp=cb')
  t.is(script.headers['content-type'], 'text/javascript')
  t.regex(script.text, /^cb\({.*}\);$/)
})

test('/metrics/snapshot lets two pass in a second, and others wait', async (t) => {
  const { url } = await leading(t)
  const began = performance.now()
  const taken = await Promise.all(
    [1, 2, 3].map(async () => {
      const { status } = await rawHttp(url, '/metrics/snapshot')
      t.is(status, 200)
      return performance.now() - began
    }),
  )
  const [, second = 0, third = 0] = taken.toSorted((a, b) => a - b)
  t.true(second >= 490, `${second}`)
  t.true(third >= 980, `${third}`)
  // The operator API has no such limit, with which the last of these would wait 5.5 s.
  const before = performance.now()
  const call = '{"type": "GET_METRICS", "get_metrics": {}}'
  await Promise.all(Array.from({ length: 12 }, () => post(url, call)))
  t.true(performance.now() - before < 5000)
})

test('a timeout must be a duration', async (t) => {
  const { url } = await leading(t)
  t.is((await rawHttp(url, '/metrics/snapshot?timeout=5secs')).status, 200)
  const bad = await rawHttp(url, '/metrics/snapshot?timeout=soon')
  t.is(bad.status, 400)
  t.regex(bad.text, /^Invalid timeout 'soon': /)
})

test('counters count from the election on, gauges what is', async (t) => {
  const cluster = makeCluster(t)
  let leads = true
  const master = await openMesosMaster({
    cluster,
    port: 0,
    isLeader: () => leads,
    leaderAddress: () => '127.0.0.1:1',
    clock: manualClock(startedAt + 60_000),
  })
  t.teardown(() => master.close())
  fill(cluster)
  const metrics = async () =>
    JSON.parse((await rawHttp(master.url, '/metrics/snapshot')).text) as Record<string, number>
  const first = await metrics()
  t.like(first, {
    'master/elected': 1,
    'master/tasks_running': 4,
    'master/tasks_staging': 1,
    'master/tasks_unreachable': 1,
    'master/tasks_finished': 1,
    'master/tasks_failed': 1,
    'master/slaves_active': 2,
    'master/frameworks_active': 2,
    'master/task_failed/source_slave/reason_container_launch_failed': 1,
    [`master/frameworks/batch%20scheduler/${cluster.batch.id}/tasks/terminal/task_finished`]: 1,
    [`master/frameworks/marathon/${cluster.marathon.id}/tasks/active/task_running`]: 4,
  })
  leads = false
  t.like(await metrics(), { 'master/elected': 0, 'master/tasks_running': 0 })
  leads = true
  t.like(await metrics(), { 'master/tasks_finished': 0, 'master/tasks_running': 4 })
})

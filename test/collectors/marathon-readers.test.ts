import test from 'ava'
import type { Problem } from '../../collectors/answer.ts'
import { readApps, readGroups, type MarathonApp } from '../../collectors/marathon-apps.ts'
import { readDeployments } from '../../collectors/marathon-deployments.ts'
import { readEvent } from '../../collectors/marathon-event.ts'
import { readInfo } from '../../collectors/marathon-info.ts'
import { readPods } from '../../collectors/marathon-pods.ts'
import { readQueue } from '../../collectors/marathon-queue.ts'
import { readTasks } from '../../collectors/marathon-tasks.ts'
import { goAnswer, marathonFixture, marathonText, withMarathon } from './marathon-fixture.ts'
import { openSse } from '../../collectors/sse.ts'

const noProblems: Problem[] = []

/** One line an app: id, wanted, staged, running, healthy, unhealthy, tasks, checks, resident. */
const line = (app: MarathonApp) =>
  [
    app.id,
    app.instances,
    [app.staged, app.running, app.healthy, app.unhealthy].join('/'),
    `${app.tasks?.length ?? 'no'} tasks`,
    ...(app.hasChecks ? ['checked'] : []),
    ...(app.resident ? ['resident'] : []),
  ].join(' ')

const appLists: [fixture: string, lines: string[], problems?: number][] = [
  ['dcos-ui-app-1-task', ['/sleep 1 0/1/1/0 no tasks']],
  ['dcos-ui-app-suspended', ['/sleep 0 0/0/0/0 no tasks']],
  [
    'dcos-ui-app-each-health',
    [
      '/cassandra-healthy 1 0/0/1/0 no tasks checked',
      '/cassandra-unhealthy 1 0/1/0/1 no tasks checked',
      '/cassandra-na 1 0/1/0/0 no tasks',
      '/cassandra-idle 1 0/1/0/0 no tasks checked',
    ],
  ],
  ['dcos-ui-app-executor', ['/cassandra 1 0/1/1/0 no tasks checked']],
  ['dd-agent-apps', ['/my-app 10 5/10/5/0 no tasks checked']],
  ['docs-app_list', ['/myapp 3 0/0/0/0 no tasks']],
  ['docs-app', ['/foo 2 /// no tasks checked']],
  ['marathon-consul-app', ['/myapp 2 0/2/2/0 2 tasks checked']],
  ['marathon-consul-apps', ['/bridged-webapp 2 0/2/2/0 2 tasks checked']],
  ['go-marathon-TestApplicationString-output', ['/my-app 2 /// no tasks checked']],
  ['go-marathon-TestApplicationString-1.5-output', ['/my-app 2 /// no tasks checked']],
]
for (const [fixture, lines, problems = 0] of appLists) {
  withMarathon(`apps of ${fixture}`, (t) => {
    const read = readApps(marathonFixture(fixture))
    t.deepEqual(read.apps?.map(line), lines)
    t.is(read.problems.length, problems)
  })
}

const groupLists: [fixture: string, lines: string[], problems?: Problem[]][] = [
  [
    'dcos-ui-groups-1-task',
    ['/net 1 0/1/0/0 1 tasks', '/sleep 1 0/1/1/0 no tasks', '/unhealthy-sleep 1 0/1/1/1 no tasks'],
  ],
  ['dcos-ui-groups-deleting', ['/sdk-sleep 1 0/1/0/1 no tasks']],
  [
    'dcos-ui-groups-healthy',
    ['/confluent-kafka 1 0/1/1/0 1 tasks checked', '/no-healthcheck 1 0/1/0/0 1 tasks'],
  ],
  [
    'dcos-ui-groups-region',
    ['/sleep 1 0/1/1/0 0 tasks', '/unhealthy-sleep 1 0/1/1/1 no tasks'],
    [{ path: '$.apps[0].tasks[0]', problem: 'a task without id' }],
  ],
  ['dcos-ui-groups-resource-limits', ['/limit-group/alpine-single 1 0/1/0/0 1 tasks']],
  [
    'docs-group',
    [
      '/tools/oauth-server 2 /// no tasks checked',
      '/tools/datadog-agent 5 /// no tasks',
      '/tools/docker/registry 1 /// no tasks',
    ],
  ],
]
for (const [fixture, lines, problems = noProblems] of groupLists) {
  withMarathon(`apps in the groups of ${fixture}`, (t) => {
    const read = readGroups(marathonFixture(fixture))
    t.deepEqual(read.apps?.map(line), lines)
    t.deepEqual(read.problems, problems)
  })
}

withMarathon('an app before 1.5, with its tasks, labels, versions and image', (t) => {
  const [app] = readApps(marathonFixture('marathon-consul-app')).apps ?? []
  t.like(app, { version: '2015-12-01T10:03:32.003Z', cpus: 0.1, mem: 32, deployments: [] })
  t.deepEqual(Object.fromEntries(app?.labels ?? []), { consul: 'true', public: 'tag' })
  t.deepEqual(app?.tasks?.[0], {
    id: 'myapp.cc49ccc1-9812-11e5-a06e-56847afe9799',
    ports: [31678, 31679, 31680, 31681],
    app: '/myapp',
    agent: '10.141.141.10',
    state: 'TASK_RUNNING',
    stagedMs: Date.parse('2015-12-01T10:03:40.890Z'),
    startedMs: Date.parse('2015-12-01T10:03:40.966Z'),
    version: '2015-12-01T10:03:32.003Z',
    healthy: true,
    healthMs: Date.parse('2015-12-01T10:03:42.324Z'),
  })
  const [scaled] = readApps(marathonFixture('dd-agent-apps')).apps ?? []
  t.like(scaled, {
    image: 'my-org/my-image:latest',
    version: '2016-08-25T18:13:34.079Z',
    configVersion: '2016-08-25T16:58:48.416Z',
    mem: 512,
  })
})

withMarathon('answers that a client of Marathon was tested with', (t) => {
  const apps = readApps(goAnswer('/v2/apps')).apps ?? []
  t.deepEqual(apps.map(line), [
    '/fake-app 2 0/2// no tasks checked',
    '/fake-app-broken 2 0/2// no tasks checked resident',
  ])
  const [broken] = readApps(goAnswer('/v2/apps/fake-app-broken')).apps ?? []
  t.deepEqual(
    broken?.tasks?.map(({ healthy }) => healthy),
    [true, false],
    'the checks of one: passed, failed',
  )
  t.deepEqual(broken?.failure, {
    task: 'toggle.cc427e60-5046-11e4-9e34-56847afe9799',
    state: 'TASK_FAILED',
    timeMs: Date.parse('2014-09-12T23:23:41.711Z'),
    message: 'Abnormal executor termination',
    agent: '10.141.141.10',
    version: '2014-09-12T23:28:21.737Z',
  })
  t.deepEqual(readApps(goAnswer('/v2/apps?embed=apps.taskStats')), {
    apps: [],
    problems: [{ path: '$.apps[0]', problem: 'an app without id' }],
  })
  const [ready] = readApps(goAnswer('/v2/apps?embed=apps.readiness')).apps ?? []
  t.is(ready?.id, '/fake-app')
  t.is(ready?.instances, undefined)
})

withMarathon('secrets in the environment are left where they are', (t) => {
  const [app] = readApps(goAnswer('/v2/apps/fake-app', 3)).apps ?? []
  t.deepEqual(app?.env, {})
})

test('of the environment, what is for the autoscaler is read', (t) => {
  const env = {
    AUTOSCALE_MIN: '2',
    autoscale_max: 5,
    AUTOSCALE_KEY: { secret: 's' },
    AUTO: '1',
    PASSWORD: 'x',
  }
  const { apps, problems } = readApps({
    apps: [{ id: 'a', env: { ...env, Autoscale_Odd: ['x'] } }],
  })
  t.deepEqual(apps?.[0]?.env, { autoscale_min: '2', autoscale_max: '5' })
  t.is(apps?.[0]?.id, '/a')
  t.deepEqual(problems, [
    { path: '$.apps[0].env.Autoscale_Odd', problem: 'expected text, got a list' },
  ])
})

for (const [sentence, app] of [
  ['residency', { residency: { taskLostBehavior: 'WAIT_FOREVER' } }],
  ['a persistent volume', { container: { volumes: [{ persistent: { size: 10 } }] } }],
] as const) {
  test(`an app with ${sentence} is resident`, (t) => {
    t.true(readApps({ app: { id: '/db', ...app } }).apps?.[0]?.resident)
  })
}

test('an app on host volumes is not resident', (t) => {
  const app = { id: '/a', residency: null, container: { volumes: [{ hostPath: '/x' }] } }
  t.false(readApps({ '*': [app] }).apps?.[0]?.resident)
})

withMarathon('tasks: their lists, one that was killed, times and states that are missing', (t) => {
  const names = ['docs-tasks', 'docs-app_tasks', 'marathon-consul-tasks']
  t.deepEqual(
    names.map((name) => readTasks(marathonFixture(name)).tasks?.length),
    [2, 1, 2],
  )
  t.deepEqual(readTasks(marathonFixture('docs-app_tasks')).tasks, [
    {
      ports: [31756],
      id: 'minecraft_survival-world.instance-564bd685-4c30-11e5-98c1-be5b2935a987',
      app: '/minecraft/survival-world',
      agent: 'srv7.hw.ca1.mesosphere.com',
      state: 'TASK_STAGING',
      stagedMs: Date.parse('2015-08-26T20:23:39.463Z'),
      startedMs: Date.parse('2015-08-26T20:23:44.678Z'),
      version: '2015-04-17T04:00:14.171Z',
    },
  ])
  t.is(readTasks(marathonFixture('docs-app_task')).tasks?.length, 1)
  t.deepEqual(readTasks(goAnswer('/v2/apps/fake-app/tasks')).tasks, [
    { id: '1', state: 'TASK_STAGING' },
    { id: '2', state: 'TASK_STAGING' },
  ])
  t.is(
    readTasks(goAnswer('/v2/tasks')).tasks?.every(({ healthy }) => healthy),
    true,
  )
})

const times: [written: unknown, ms: number | undefined, problem?: string][] = [
  ['2015-08-26T20:23:39.463Z', 1440620619463],
  ['2015-08-26T20:23:39Z', 1440620619000],
  ['2015-08-26T20:23:39.463123456+02:00', 1440613419463],
  [1440620619463, 1440620619463],
  [1440620619.46312, 1440620619463],
  ['1440620619463', 1440620619463],
  [1440620619463000000n, undefined, 'is no time that can be'],
  ['2016-08-31T01:01:01.001', Date.UTC(2016, 7, 31, 1, 1, 1, 1), undefined],
  ['2016-08-41T01:01:01.001', undefined, 'is no time that can be'],
  ['yesterday', undefined, 'is no time that can be'],
  ['0001-01-01T00:00:00Z', undefined, 'is no time that can be'],
  [-5, undefined, 'is no time that can be'],
  [{}, undefined, 'expected a number, got an object'],
  [null, undefined],
]
for (const [written, ms, problem] of times) {
  test(`a time written as ${typeof written} ${String(written)}`, (t) => {
    const { tasks, problems } = readTasks({ tasks: [{ id: 'a', stagedAt: written }] })
    t.is(tasks?.[0]?.stagedMs, ms)
    const path = '$.tasks[0].stagedAt'
    t.deepEqual(problems, problem === undefined ? [] : [{ path, problem }])
  })
}

const healths: [sentence: string, results: unknown, healthy: boolean | undefined][] = [
  ['no checks', undefined, undefined],
  ['none made yet', [], undefined],
  ['null before the first', [null], undefined],
  ['neither passed nor failed yet', [{ alive: false, consecutiveFailures: 0 }], undefined],
  ['one that passes', [{ alive: true }], true],
  ['one of two fails', [{ alive: true }, { alive: false, consecutiveFailures: 3 }], false],
  ['one that failed once', [{ alive: false, lastFailure: '2015-08-26T20:23:39Z' }], false],
  ['results of another type', 'alive', undefined],
]
for (const [sentence, healthCheckResults, healthy] of healths) {
  test(`health of a task: ${sentence}`, (t) => {
    const { tasks, problems } = readTasks({ tasks: [{ id: 'a', healthCheckResults }] })
    t.is(tasks?.[0]?.healthy, healthy)
    t.is(problems.length, typeof healthCheckResults === 'string' ? 1 : 0)
  })
}

const deployments: [fixture: string, lines: string[]][] = [
  ['docs-deployments', ['97c136bf-5a28-4821-9d94-480d9fbb01c8 1/1 ScaleApplication /foo,/bla']],
  ['dcos-ui-deployments-1', ['b4f69082-6f96-4c92-a778-37bf61c59686 2/2 ScaleApplication /kafka']],
  [
    'dcos-ui-deployments-3',
    [
      'b4f69082-6f96-4c92-a778-37bf61c59686 2/2 ScaleApplication /kafka',
      'staleId 1/1 StopApplication /spark/spark-history-stale',
      'staleId-2 1/1 StopApplication /spark/spark-history-stale',
    ],
  ],
  [
    'dcos-ui-deployments-starting',
    ['b4f69082-6f96-4c92-a778-37bf61c59686 1/2 StartApplication /kafka'],
  ],
  [
    'dd-agent-deployments',
    [
      '2e72dbf1-2b2a-4204-b628-e8bd160945dd 2/9 RestartApplication /test/service/srv1,/test/db/mongo1,/test/frontend/app1',
    ],
  ],
]
for (const [fixture, lines] of deployments) {
  withMarathon(`deployments of ${fixture}`, (t) => {
    const read = readDeployments(marathonFixture(fixture))
    t.deepEqual(
      read.deployments?.map(
        ({ id, step, total, current, affected }) =>
          `${id} ${step}/${total} ${current.map(({ action }) => action).join()} ${affected.join()}`,
      ),
      lines,
    )
    t.deepEqual(read.problems, noProblems)
  })
}

withMarathon('deployments of old Marathons: steps as lists, the action under type', (t) => {
  const oldest = readDeployments(goAnswer('/v2/deployments')).deployments?.[0]
  t.like(oldest, { affected: ['/test'], step: 1, total: 1, sinceMs: 1409041083595 })
  t.deepEqual(oldest?.steps, [[{ action: 'ScaleApplication', service: '/test' }]])
  const typed = readDeployments(goAnswer('/v2/deployments', 1))
  t.deepEqual(typed.problems, noProblems)
  t.deepEqual(
    typed.deployments?.[0]?.steps.flat().map(({ action }) => action),
    ['StartApplication', 'ScaleApplication'],
  )
})

withMarathon('the queue: delay, overdue, and what offers lack most', (t) => {
  t.deepEqual(readQueue(marathonFixture('docs-queue')), {
    queue: new Map([
      ['/tools/datadog-agent', { count: 1, delaySeconds: 0, overdue: true }],
      ['/foo', { count: 2, delaySeconds: 0, overdue: true, waitingFor: ['cpus', 'mem', 'disk'] }],
    ]),
    problems: [],
  })
  t.deepEqual(readQueue(marathonFixture('dcos-ui-queue-offers')).queue?.get('/sleep')?.waitingFor, [
    'cpus',
    'mem',
    'disk',
  ])
  t.is(readQueue(marathonFixture('dcos-ui-queue-empty')).queue?.size, 0)
  t.deepEqual(readQueue(goAnswer('/v2/queue')).queue?.get('/test'), {
    count: 10,
    delaySeconds: 784,
    overdue: true,
  })
})

test('the queue: pods, several roles, reasons of later versions, single offers', (t) => {
  const rejects = (reason: string, declined: number) => ({ reason, declined, processed: 9 })
  const { queue, problems } = readQueue({
    queue: [
      { app: { id: '/a' }, count: 1, lastUnusedOffers: [{ reason: ['InsufficientPorts'] }] },
      {
        app: { id: '/a' },
        count: 2,
        processedOffersSummary: {
          rejectSummaryLastOffers: [
            rejects('SomethingNew', 1),
            rejects('UnfulfilledConstraint', 7),
          ],
        },
      },
      { pod: { id: '/p' }, count: 1, lastUnusedOffers: [{ reason: ['InsufficientPorts'] }] },
      { count: 3 },
    ],
  })
  t.like(queue?.get('/a'), { count: 3, waitingFor: ['constraints', 'something new'] })
  t.deepEqual(queue?.get('/p'), { count: 1, waitingFor: ['ports'] })
  t.deepEqual(problems, [
    { path: '$.queue[3]', problem: 'waits without an app or pod that has an id' },
  ])
})

withMarathon('what a Marathon is', (t) => {
  t.deepEqual(readInfo(marathonFixture('docs-info')), {
    info: {
      version: '1.5.0-SNAPSHOT',
      leader: 'localhost:8080',
      framework: '96d7da70-b731-4cfb-96a7-0ee877af615d-0000',
      elected: true,
    },
    problems: [],
  })
  t.like(readInfo(goAnswer('/v2/info')).info, {
    version: '0.7.0-SNAPSHOT',
    leader: '127.0.0.1:8080',
    framework: '20140730-222531-1863654316-5050-10422-0000',
  })
  t.is(readInfo(goAnswer('/v2/leader')).info?.leader, '127.0.0.1:8080')
})

withMarathon('pods: their status, counts by instance, a task for each container', (t) => {
  const { apps, problems, ends } = readPods(goAnswer('/v2/pods/::status'))
  t.deepEqual(problems, noProblems)
  t.deepEqual(ends, [])
  t.deepEqual(apps?.map(line), ['/fake-pod 1 0/1/1/0 1 tasks'])
  t.deepEqual(apps?.[0]?.tasks, [
    {
      id: 'fake-pod.instance-dc6cfe60-6812-11e7-a18e-70b3d5800003.container1',
      app: '/fake-pod',
      state: 'TASK_RUNNING',
      agent: '192.168.99.100',
      version: '2017-07-13T21:33:07.389Z',
      startedMs: Date.parse('2017-07-13T21:33:17.349Z'),
    },
  ])
  t.deepEqual(readPods(goAnswer('/v2/pods/fake-pod2::status')).apps?.map(line), [
    '/fake-pod2 1 0/1/0/1 1 tasks',
  ])
})

test('pods: each task has the image of its own container, as far as its version is at hand', (t) => {
  const container = (name: string, image: string) => ({
    name,
    image: { kind: 'DOCKER', id: image },
  })
  const instance = (version: string | undefined, ...ids: string[]) => ({
    status: 'STABLE',
    ...(version === undefined ? {} : { specReference: `/v2/pods/p::versions/${version}` }),
    containers: ids.map((id) => ({
      name: id.split('.')[0],
      containerId: id,
      status: 'TASK_RUNNING',
    })),
  })
  const { apps } = readPods([
    {
      id: '/p',
      spec: { version: 'v2', containers: [container('web', 'web:2'), container('log', 'log:2')] },
      instances: [
        instance('v2', 'web.1', 'log.1', 'new.1'),
        instance('v1', 'log.2'),
        instance(undefined, 'log.3'),
      ],
    },
  ])
  const images = apps?.[0]?.tasks?.map(({ id, image }) => [id, image])
  t.deepEqual(images, [
    ['web.1', 'web:2'],
    ['log.1', 'log:2'],
    ['new.1', undefined],
    ['log.2', undefined],
    ['log.3', 'log:2'],
  ])
})

test('groups: an id that is not a whole path is one in the group around it', (t) => {
  const { apps } = readGroups({
    id: '/qa',
    apps: [{ id: 'db' }, { id: '/other/db' }],
    groups: [
      { id: 'front', apps: [{ id: 'web' }] },
      { id: '/top', apps: [{ id: 'x' }] },
    ],
  })
  t.deepEqual(
    apps?.map(({ id }) => id),
    ['/qa/db', '/other/db', '/qa/front/web', '/top/x'],
  )
  t.deepEqual(
    readGroups({ id: '/', apps: [{ id: 'a' }] }).apps?.map(({ id }) => id),
    ['/a'],
  )
})

withMarathon('pods: definitions', (t) => {
  const lines = [
    'docs-pod',
    'sys-pod-container-bridge-pod',
    'sys-pod-ports-pod',
    'sys-pod-simple-pod',
    'sys-pod-test-pod',
  ].map((name) => {
    const [pod] = readPods(marathonFixture(name)).apps ?? []
    return pod && `${line(pod)} ${pod.image} ${pod.cpus} ${pod.mem}`
  })
  t.deepEqual(lines, [
    '/foo 1 /// no tasks checked mesosphere/marathon:latest 1.2 192',
    '/container-bridge-pod  /// no tasks nginx 1 128',
    '/ports-pod  /// no tasks checked undefined 1 256',
    '/simple-pod 1 /// no tasks busybox 0.2 64',
    '/testserver  /// no tasks checked debian:jessie 1 64',
  ])
})

test('pods: how their containers ended', (t) => {
  const { ends } = readPods([
    {
      id: '/p',
      spec: { id: '/p' },
      terminationHistory: [
        {
          instanceID: 'p.instance-1',
          terminatedAt: '2017-07-13T21:33:17.349Z',
          message: 'pod failed',
          containers: [
            {
              containerId: 'p.instance-1.c1',
              lastKnownState: 'TASK_FAILED',
              termination: { exitCode: 3 },
            },
            { containerId: 'p.instance-1.c2' },
          ],
        },
      ],
    },
  ])
  t.deepEqual(ends, [
    {
      task: 'p.instance-1.c1',
      pod: '/p',
      state: 'TASK_FAILED',
      timeMs: Date.parse('2017-07-13T21:33:17.349Z'),
      message: 'pod failed',
      exitCode: 3,
    },
  ])
})

/** `kind` or `kind of what`. */
const told = (body: unknown) => {
  const { event } = readEvent(body)
  if (!event) return 'nothing'
  if (event.kind === 'status') return `${event.task} ${event.state}`
  if (event.kind === 'health') return `${event.task} ${event.healthy ? 'healthy' : 'unhealthy'}`
  if (event.kind === 'kill') return `${event.task} kill: ${event.reason}`
  if (event.kind === 'deployment') return `${event.id.slice(0, 8)} ${event.action}`
  if (event.kind === 'asked') return `${event.service} asked by ${event.by}: ${event.uri}`
  return `${event.kind} ${event.type}`
}

withMarathon('events of all documented types', (t) => {
  const bodies = marathonFixture('docs-events') as unknown[]
  t.deepEqual(bodies.map(told), [
    '/my-app asked by 0:0:0:0:0:0:0:1: /v2/apps/my-app',
    '/my-pod asked by 0:0:0:0:0:0:0:1: /v2/pods/my-pod',
    '/my-pod asked by 0:0:0:0:0:0:0:1: /v2/pods/my-pod',
    '/my-pod asked by 0:0:0:0:0:0:0:1: /v2/pods/my-pod',
    'my-app_0-1396592784349 TASK_RUNNING',
    'hint app_terminated_event',
    'hint instance_changed_event',
    'hint unknown_instance_terminated_event',
    'my-app.instance-c7c311a4-b669-11e6-a48f-0ea4f4b1778c healthy',
    'noise framework_message_event',
    'noise subscribe_event',
    'noise unsubscribe_event',
    'noise event_stream_attached',
    'noise event_stream_detached',
    'noise add_health_check_event',
    'noise remove_health_check_event',
    'noise failed_health_check_event',
    'my-app.instance-c7c311a4-b669-11e6-a48f-0ea4f4b1778c healthy',
    'my-app_0-1396592784349 kill: 500 Internal Server Error',
    'my-app_0-1396592784349 kill: 500 Internal Server Error',
    'hint group_change_success',
    'hint group_change_failed',
    '867ed450 succeeded',
    '867ed450 failed',
    '867ed450 step',
    '867ed450 step-done',
    'hint deployment_step_failure',
  ])
  t.true(bodies.every((body) => readEvent(body).problems.length === 0))
})

withMarathon('events as they were written over the years', (t) => {
  t.deepEqual((marathonFixture('go-marathon-events') as unknown[]).map(told), [
    'my-app_0-1396592784349 TASK_RUNNING',
    'my-app_0-1396592784349 healthy',
    'noise failed_health_check_event',
    'dcf63e4a step',
    'dcf63e4a step-done',
  ])
  const consul = marathonFixture('marathon-consul-events') as unknown[]
  t.deepEqual(consul.map(told), [
    'python_simple.4a7e99d0-9cc1-11e5-b4d8-0a0027000004 TASK_KILLED',
    'task.1 TASK_KILLED',
    'test_app.1 unhealthy',
    'test_app.1 unhealthy',
    'unknown.1 healthy',
  ])
  t.deepEqual(
    consul.flatMap((body) => readEvent(body).problems),
    [{ path: '$.version', problem: 'expected text, got a number' }],
  )
  t.is(
    told(marathonFixture('changelog-instance_health_changed_event-1.4')),
    'some_app.marathon-49d976d3-9c6f-11e6-93cb-0242216b9f0d healthy',
  )
})

withMarathon('a plan in an event: its steps, with the action under type or action', (t) => {
  const [, , , started, done] = marathonFixture('go-marathon-events') as unknown[]
  for (const body of [started, done]) {
    const { event } = readEvent(body)
    const plan = event?.kind === 'deployment' ? event.plan : undefined
    const action = { action: 'ScaleApplication', service: '/my-app' }
    t.like(plan, { affected: ['/my-app'], total: 1, version: '2016-07-29T08:03:52.542Z' })
    t.deepEqual([plan?.steps, plan?.current], [[[action]], [action]])
  }
})

withMarathon('the streams of events that are documented', (t) => {
  const read = (file: string) => openSse({ maxLength: 1e6 }).feed(Buffer.from(marathonText(file)))
  const all = read('docs-events.sse.txt')
  t.deepEqual(
    all.map(({ data }) => told(JSON.parse(data))),
    (marathonFixture('docs-events') as unknown[]).map(told),
  )
  t.is(all[4]?.type, 'status_update_event')
  t.deepEqual(
    read('docs-events-2015.sse.txt').map(({ data }) => told(JSON.parse(data))),
    [
      'noise event_stream_attached',
      'foo.0664256e-6771-11e5-94e1-be5b2935a987 TASK_FAILED',
      'test-app.5dd78972-6771-11e5-94e1-be5b2935a987 TASK_RUNNING',
    ],
  )
})

withMarathon('answers that are no lists: nothing is read of them, and that is told', (t) => {
  const others = [
    'docs-error-bodies',
    'dcos-ui-app-versions',
    'dcos-ui-deployment-result',
    'dcos-ui-error-409-conflict',
    'dcos-ui-error-422-invalid',
    'docs-deployments_result',
    'docs-deployment_steps',
    'docs-apps_create',
    'docs-apps_patch',
  ]
  for (const name of others) {
    const answer = marathonFixture(name)
    t.is(readApps(answer).apps, undefined, name)
    t.is(readApps(answer).problems.length, 1, name)
    t.is(readQueue(answer).queue, undefined, name)
    t.is(readTasks(answer).tasks, undefined, name)
    t.is(readEvent(answer).event, undefined, name)
  }
  t.is(readDeployments(marathonFixture('docs-deployments_result')).deployments, undefined)
})

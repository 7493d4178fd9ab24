import test from 'ava'
import { unusedUrl, json, openHttpServer } from '../helpers/http-server.ts'
import {
  appOf,
  openCollector,
  openFakeMarathon,
  openTold,
  openToldSink,
  taskOf,
  toldOf,
} from './fake-marathon.ts'
import { until } from './recording-sink.ts'

const minuteMs = 60_000

test('states, identities and samples of apps', async (t) => {
  const marathon = await openFakeMarathon(t)
  const told = openTold()
  marathon.apps = [
    appOf(
      '/shop/web',
      [
        taskOf('shop_web.1'),
        taskOf('shop_web.2', { state: 'TASK_STAGING', startedAt: undefined, host: 'agent-2' }),
      ],
      {
        env: { AUTOSCALE_MIN: '2', SECRET: 'x' },
      },
    ),
    appOf('/idle'),
  ]
  marathon.queue = [
    { app: { id: '/shop/web' }, count: 3, delay: { timeLeftSeconds: 7, overdue: false } },
  ]
  const { through } = await openCollector(t, told, { urls: [marathon.url] })
  await until('both', () => told.services.size === 2 && told.marathon?.atMs !== undefined)
  const web = told.services.get('/shop/web')
  t.deepEqual(web, {
    v: 1,
    service: '/shop/web',
    kind: 'app',
    marathon: 'marathon',
    atMs: web?.atMs ?? 0,
    instances: 2,
    staged: 1,
    running: 1,
    healthy: 1,
    unhealthy: 0,
    hasChecks: false,
    tasks: [
      {
        id: 'shop_web.1',
        state: 'TASK_RUNNING',
        stagedMs: Date.parse('2026-11-20T10:00:01.000Z'),
        startedMs: Date.parse('2026-11-20T10:00:02.000Z'),
        version: '2026-11-20T10:00:00.000Z',
        agent: 'agent-1',
      },
      {
        id: 'shop_web.2',
        state: 'TASK_STAGING',
        stagedMs: Date.parse('2026-11-20T10:00:01.000Z'),
        version: '2026-11-20T10:00:00.000Z',
        agent: 'agent-2',
      },
    ],
    deployments: [],
    queue: { count: 3, delaySeconds: 7, overdue: false },
    version: '2026-11-20T10:00:00.000Z',
    configVersion: '2026-11-20T10:00:00.000Z',
    image: 'shop/web:7',
    cpus: 0.5,
    mem: 128,
    resident: false,
    owner: 'shop',
    runbook: 'https://run/web',
    labels: { owner: 'shop', RUNBOOK: 'https://run/web', team: 'blue' },
    env: { autoscale_min: '2' },
  })
  t.deepEqual(told.tasks[1], {
    cluster: 'test',
    service: '/shop/web',
    task: 'shop_web.2',
    agent: 'agent-2',
    version: '2026-11-20T10:00:00.000Z',
    image: 'shop/web:7',
    framework: 'fw-0000',
    owner: 'shop',
    runbook: 'https://run/web',
    labels: { owner: 'shop', RUNBOOK: 'https://run/web', team: 'blue' },
  })
  const sample = told.samples.find((doc) => doc['service.name'] === '/shop/web')
  t.deepEqual(sample?.metrics, {
    'service.instances.wanted': 2,
    'service.instances.staged': 1,
    'service.instances.running': 1,
    'service.instances.healthy': 1,
    'service.instances.unhealthy': 0,
    'service.queue.waiting': 3,
    'service.queue.delay': 7,
    'service.deployment.age': 0,
  })
  t.like(sample, { 'mesoscope.owner': 'shop', 'orchestrator.cluster.name': 'test' })
  t.like(told.marathon, {
    marathon: 'marathon',
    intervalMs: 30,
    leader: 'm1:8080',
    version: '1.11.0',
  })
  t.is(told.marathon?.trouble, undefined)
  t.true(through() > 0)
})

test('a state and an identity are told again only when something in them changed', async (t) => {
  const marathon = await openFakeMarathon(t)
  const told = openTold()
  marathon.apps = [appOf('/web', [taskOf('web.1')])]
  await openCollector(t, told, { urls: [marathon.url] })
  await until('ten polls', () => told.samples.length >= 10)
  t.deepEqual(told.log, ['/web 1'])
  t.is(told.tasks.length, 1)
  marathon.apps = [appOf('/web', [taskOf('web.1'), taskOf('web.2')])]
  await until('the new state', () => told.services.get('/web')?.instances === 2)
  marathon.apps = [appOf('/other', [taskOf('other.1')])]
  await until('gone', () => told.log.at(-1) === '/other 1')
  t.deepEqual(told.log, ['/web 1', '/web 2', '/web gone', '/other 1'])
  t.deepEqual(
    told.tasks.map(({ task }) => task),
    ['web.1', 'web.2', 'other.1'],
  )
  t.deepEqual(toldOf(told), ['deployment removed /web'])
  t.like(told.changes[0], {
    message: '/web was removed from Marathon',
    'mesoscope.owner': 'shop',
    'service.name': '/web',
  })
  t.deepEqual(
    [...told.positions.keys()].filter((key) => key.includes('service:')),
    ['marathon:service:/other'],
  )
})

test('during a rolling deployment each task has the image of its own version, and its deployment', async (t) => {
  const marathon = await openFakeMarathon(t)
  const told = openTold()
  marathon.apps = [appOf('/web', [taskOf('web.1')])]
  const { close } = await openCollector(t, told, { urls: [marathon.url] })
  await until('one', () => told.tasks.length === 1)
  const version = '2026-11-20T11:00:00.000Z'
  const plan = {
    id: 'd1',
    version,
    affectedApps: ['/web'],
    steps: [{ actions: [{ action: 'RestartApplication', app: '/web' }] }],
    currentStep: 1,
    totalSteps: 1,
  }
  marathon.deployments = [plan]
  marathon.apps = [
    appOf(
      '/web',
      [taskOf('web.1'), taskOf('web.2', { version, stagedAt: '2026-11-20T11:00:05.000Z' })],
      {
        version,
        versionInfo: { lastScalingAt: version, lastConfigChangeAt: version },
        container: { docker: { image: 'shop/web:8' } },
        deployments: [{ id: 'd1' }],
      },
    ),
  ]
  await until('two', () => told.tasks.length === 2)
  t.deepEqual(
    told.tasks.map(({ task, image, deployment }) => [task, image, deployment]),
    [
      ['web.1', 'shop/web:7', undefined],
      ['web.2', 'shop/web:8', 'd1'],
    ],
  )
  t.deepEqual(told.services.get('/web')?.deployments, [{ id: 'd1', sinceMs: Date.parse(version) }])
  marathon.deployments = []
  marathon.apps = [
    appOf('/web', [taskOf('web.2', { version, stagedAt: '2026-11-20T11:00:05.000Z' })], {
      version,
    }),
  ]
  await until('the end', () => toldOf(told).includes('deployment succeeded /web'))
  await close()
  const again = openTold()
  again.positions = told.positions
  await openCollector(t, again, { urls: [marathon.url] })
  await until('told again', () => again.tasks.length === 1)
  t.is(again.tasks[0]?.deployment, 'd1', 'remembered after its end and over a restart')
})

test('deployments: begun, at a step, stuck, ended as an event says', async (t) => {
  const marathon = await openFakeMarathon(t)
  const told = openTold()
  const started = new Date(Date.now() - 11 * minuteMs).toISOString()
  const steps = ['StartApplication', 'ScaleApplication'].map((action) => ({
    actions: [{ action, app: '/web' }],
  }))
  const plan = (currentStep: number, id = 'd1') => ({
    id,
    version: started,
    affectedApps: ['/web'],
    steps,
    currentActions: steps[currentStep - 1]?.actions,
    currentStep,
    totalSteps: 2,
  })
  marathon.apps = [appOf('/web', [taskOf('web.1')], { deployments: [{ id: 'd1' }] })]
  marathon.deployments = [plan(1)]
  await openCollector(t, told, { urls: [marathon.url] })
  await until('stuck', () => toldOf(told).length === 2)
  t.is(
    told.changes[1]?.message,
    'deployment d1 of /web is stuck at step 1 of 2 for 11 minutes: StartApplication /web',
  )
  t.true((told.samples.at(-1)?.metrics['service.deployment.age'] ?? 0) >= 660)
  marathon.deployments = [plan(2)]
  await until('a step', () => toldOf(told).length === 3)
  await until('events', () => marathon.listeners() === 1)
  const timestamp = new Date().toISOString()
  marathon.emit({ eventType: 'deployment_failed', timestamp, id: 'd1' })
  marathon.deployments = []
  await until('the end', () => toldOf(told).length === 4)
  await until('some polls', () => told.samples.length > 20)
  t.deepEqual(toldOf(told), [
    'deployment started /web',
    'deployment stuck /web',
    'deployment step /web',
    'deployment failed /web',
  ])
  const [first, , , last] = told.changes
  t.like(first, {
    '@timestamp': `${started.slice(0, 23)}000000Z`,
    'event.id': 'change:deployment:d1:started:/web',
    message: 'deployment d1 of /web started, 2 steps',
    'marathon.deployment.id': 'd1',
    'deployment.affected': ['/web'],
    'deployment.step': 1,
    'deployment.steps': 2,
    'mesoscope.owner': 'shop',
  })
  t.like(last, {
    'event.id': 'change:deployment:d1:end:/web',
    '@timestamp': `${timestamp.slice(0, 23)}000000Z`,
  })
})

test('a deployment whose end nobody told: succeeded if the app is as it was wanted, else ended', async (t) => {
  const marathon = await openFakeMarathon(t)
  const told = openTold()
  const version = '2026-11-20T10:00:00.000Z'
  const plan = (id: string, app: string, action = 'ScaleApplication') => ({
    id,
    version,
    affectedApps: [app],
    steps: [{ actions: [{ action, app }] }],
    currentStep: 1,
    totalSteps: 1,
  })
  marathon.faults.set('/v2/events', (_, response) => response.writeHead(403).end())
  marathon.apps = [
    appOf('/web', [taskOf('web.1')]),
    appOf('/ill', [taskOf('ill.1')]),
    appOf('/old'),
  ]
  marathon.deployments = [
    plan('d1', '/web'),
    plan('d2', '/ill'),
    plan('d3', '/old', 'StopApplication'),
  ]
  await openCollector(t, told, { urls: [marathon.url], stuckAfterMs: Infinity })
  await until('three', () => toldOf(told).length === 3)
  marathon.apps = [
    appOf('/web', [taskOf('web.1')]),
    appOf('/ill', [taskOf('ill.1')], { instances: 5 }),
  ]
  marathon.deployments = []
  await until('their ends', () => toldOf(told).length === 7)
  t.deepEqual(toldOf(told).slice(3).toSorted(), [
    'deployment ended /ill',
    'deployment removed /old',
    'deployment succeeded /old',
    'deployment succeeded /web',
  ])
})

test('while events come, an event has a second to say how a deployment ended; one that is late corrects', async (t) => {
  const marathon = await openFakeMarathon(t)
  const told = openTold()
  marathon.apps = [appOf('/web', [taskOf('web.1')], { instances: 9 })]
  marathon.deployments = [
    {
      id: 'd1',
      version: '2026-11-20T10:00:00.000Z',
      affectedApps: ['/web'],
      steps: [],
      currentStep: 1,
      totalSteps: 1,
    },
  ]
  await openCollector(t, told, { urls: [marathon.url], stuckAfterMs: Infinity })
  await until('listening', () => marathon.listeners() === 1 && toldOf(told).length === 1)
  const before = performance.now()
  marathon.deployments = []
  await until('concluded', () => toldOf(told).length === 2)
  t.true(performance.now() - before >= 1000)
  t.is(toldOf(told)[1], 'deployment ended /web')
  const timestamp = new Date().toISOString()
  for (let i = 0; i < 2; i++)
    marathon.emit({ eventType: 'deployment_success', timestamp, id: 'd1' })
  await until('corrected', () => toldOf(told).length === 3)
  const [, ended, corrected] = told.changes
  t.is(corrected?.['event.action'], 'succeeded')
  t.is(corrected?.['event.id'], ended?.['event.id'])
  t.is(corrected?.['@timestamp'], ended?.['@timestamp'])
})

test('statuses: of events, of the last failure, once each whoever tells first', async (t) => {
  const marathon = await openFakeMarathon(t)
  const told = openTold()
  marathon.apps = [appOf('/web', [taskOf('web.1')])]
  const { close } = await openCollector(t, told, { urls: [marathon.url] })
  await until('listening', () => marathon.listeners() === 1 && told.tasks.length === 1)
  const status = (taskId: string, taskStatus: string, second: number, more: object = {}) => ({
    eventType: 'status_update_event',
    timestamp: `2026-11-20T12:00:0${second}.000Z`,
    appId: '/web',
    taskId,
    taskStatus,
    host: 'agent-3',
    slaveId: 's3',
    version: '2026-11-20T10:00:00.000Z',
    message: '',
    ...more,
  })
  marathon.emit(status('web.2', 'TASK_STAGING', 1))
  marathon.emit(status('web.2', 'TASK_STAGING', 1))
  marathon.emit(status('web.2', 'TASK_FAILED', 2, { message: 'exited with status 3' }))
  await until('two', () => told.changes.length >= 2)
  const failure = (taskId: string, second: number) => ({
    lastTaskFailure: {
      appId: '/web',
      taskId,
      state: 'TASK_FAILED',
      message: 'exited with status 3',
      host: 'agent-3',
      timestamp: `2026-11-20T12:00:0${second}.000Z`,
      version: '2026-11-20T10:00:00.000Z',
    },
  })
  marathon.apps = [appOf('/web', [taskOf('web.1')], failure('web.2', 2))]
  const polled = told.samples.length
  await until('some polls', () => told.samples.length > polled + 3)
  t.deepEqual(toldOf(told), ['status TASK_STAGING /web', 'status TASK_FAILED /web'])
  t.like(told.changes[1], {
    '@timestamp': '2026-11-20T12:00:02.000000000Z',
    'event.id': `change:status:marathon:web.2:TASK_FAILED:${Date.parse('2026-11-20T12:00:02Z')}`,
    message: 'web.2 is TASK_FAILED on agent-3: exited with status 3',
    'event.provider': 'marathon',
    'task.state': 'TASK_FAILED',
    'task.message': 'exited with status 3',
    'service.name': '/web',
    'mesos.task.id': 'web.2',
    'host.name': 'agent-3',
    'mesoscope.owner': 'shop',
  })
  t.is(
    told.tasks.find(({ task }) => task === 'web.2')?.agent,
    'agent-3',
    'known although no answer had it',
  )
  // What events told is told no more by the next life; what no event told is told by the next answer.
  await close()
  marathon.apps = [appOf('/web', [taskOf('web.1')], failure('web.2', 2))]
  const { close: closeAgain } = await openCollector(t, told, { urls: [marathon.url] })
  await until('polled', () => told.samples.length > polled + 8)
  t.is(told.changes.length, 2)
  await closeAgain()
  marathon.apps = [appOf('/web', [taskOf('web.1')], failure('web.5', 7))]
  await openCollector(t, told, { urls: [marathon.url] })
  await until('the failure', () => told.changes.length === 3)
  t.is(told.changes[2]?.['mesos.task.id'], 'web.5')
})

test('health: flips are told, by events and answers alike, once; what is older is passed over', async (t) => {
  const marathon = await openFakeMarathon(t)
  const told = openTold()
  const id = 'web.instance-1._app.1'
  const healthy = (alive: boolean, time: string) => [
    appOf(
      '/web',
      [
        taskOf(id, {
          healthCheckResults: [
            { alive, ...(alive ? { lastSuccess: time } : { lastFailure: time }) },
          ],
        }),
      ],
      { healthChecks: [{}], tasksHealthy: alive ? 1 : 0, tasksUnhealthy: alive ? 0 : 1 },
    ),
  ]
  marathon.apps = healthy(true, '2026-11-20T12:00:00.000Z')
  await openCollector(t, told, { urls: [marathon.url] })
  await until('listening', () => marathon.listeners() === 1 && told.services.size === 1)
  t.like(told.services.get('/web'), { healthy: 1, unhealthy: 0, hasChecks: true })
  const event = (alive: boolean, second: number) =>
    marathon.emit({
      eventType: 'instance_health_changed_event',
      timestamp: `2026-11-20T12:00:0${second}.000Z`,
      runSpecId: '/web',
      instanceId: 'web.instance-1',
      runSpecVersion: 'v',
      healthy: alive,
    })
  event(false, 5)
  event(false, 5)
  event(true, 4)
  marathon.apps = healthy(false, '2026-11-20T12:00:05.100Z')
  await until('unhealthy', () => told.services.get('/web')?.unhealthy === 1)
  marathon.apps = healthy(true, '2026-11-20T12:00:09.000Z')
  await until('healthy again', () => told.services.get('/web')?.healthy === 1)
  t.deepEqual(
    told.changes.map((doc) => [doc['@timestamp'].slice(17, 23), doc['event.action'], doc.message]),
    [
      ['05.000', 'unhealthy', `${id} is unhealthy on agent-1`],
      ['09.000', 'healthy', `${id} is healthy on agent-1`],
    ],
  )
  t.is(
    told.changes[0]?.['event.id'],
    `change:health:${id}:unhealthy:${Date.parse('2026-11-20T12:00:05Z')}`,
  )
})

test('a task that is killed for its checks: told once, by the event or by the last failure', async (t) => {
  const marathon = await openFakeMarathon(t)
  const told = openTold()
  const [first, second] = ['web.instance-1._app.1', 'web.instance-2._app.1']
  const old = 'web.25212c0c-e6a2-11f1-bdef-02fc00000001'
  marathon.apps = [appOf('/web', [taskOf(first), taskOf(old)])]
  await openCollector(t, told, { urls: [marathon.url] })
  await until('listening', () => marathon.listeners() === 1 && told.tasks.length === 2)
  const kill = (instanceId: string, time: string) =>
    marathon.emit({
      eventType: 'unhealthy_instance_kill_event',
      timestamp: time,
      appId: '/web',
      instanceId,
      version: '2026-11-20T10:00:00.000Z',
      reason: '500 Internal Server Error',
      host: 'agent-3',
    })
  const failure = (taskId: string, timestamp: string) => ({
    lastTaskFailure: {
      appId: '/web',
      taskId,
      state: 'TASK_KILLED',
      message: 'Task was killed since health check failed. Reason: timed out',
      host: 'agent-2',
      timestamp,
      version: '2026-11-20T10:00:00.000Z',
    },
  })
  const times = ['2026-11-20T12:00:01.000Z', '2026-11-20T12:00:02.000Z', '2026-11-20T12:00:03.000Z']
  const [one, two, three] = times as [string, string, string]
  kill('web.instance-1', one)
  kill('web.instance-1', one)
  kill(old.replace('web.', 'web.marathon-'), two)
  await until('told by events', () => told.changes.length === 2)
  marathon.apps = [appOf('/web', [taskOf(first)], failure(first, one))]
  const polled = told.samples.length
  await until('some polls', () => told.samples.length > polled + 2)
  marathon.apps = [appOf('/web', [taskOf(first)], failure(second, three))]
  await until('told by an answer', () => told.changes.length === 3)
  t.deepEqual(
    told.changes.map((doc) => doc.message),
    [
      `${first} is killed on agent-3, because its health checks fail: 500 Internal Server Error`,
      `${old} is killed on agent-3, because its health checks fail: 500 Internal Server Error`,
      `${second} is killed on agent-2, because its health checks fail: timed out`,
    ],
  )
  t.like(told.changes[2], {
    '@timestamp': '2026-11-20T12:00:03.000000000Z',
    'event.id': `change:health:${second}:killed:${Date.parse(three)}`,
    'event.kind': 'health',
    'event.action': 'killed',
    'task.message': 'timed out',
    'task.state': undefined,
    'mesos.task.id': second,
    'service.name': '/web',
    'mesoscope.owner': 'shop',
  })
})

test('new versions of an app are told: what changed', async (t) => {
  const marathon = await openFakeMarathon(t)
  const told = openTold()
  marathon.apps = [appOf('/web', [taskOf('web.1')])]
  await openCollector(t, told, { urls: [marathon.url] })
  await until('one', () => told.services.size === 1)
  const scaled = '2026-11-20T12:00:00.000Z'
  const config = '2026-11-20T10:00:00.000Z'
  marathon.apps = [
    appOf('/web', [taskOf('web.1')], {
      instances: 3,
      version: scaled,
      versionInfo: { lastScalingAt: scaled, lastConfigChangeAt: config },
    }),
  ]
  await until('scaled', () => told.changes.length === 1)
  const changed = '2026-11-20T13:00:00.000Z'
  marathon.apps = [
    appOf('/web', [taskOf('web.1')], {
      instances: 3,
      version: changed,
      env: { LOG_LEVEL: 'debug', DB_PASSWORD: 'hunter2' },
      versionInfo: { lastScalingAt: changed, lastConfigChangeAt: changed },
    }),
  ]
  await until('changed', () => told.changes.length === 2)
  t.deepEqual(
    told.changes.map(({ message }) => message),
    [
      `/web has version ${scaled} instead of ${config}: 1 → 3 instances`,
      `/web has version ${changed} instead of ${scaled}: configuration changed, env.DB_PASSWORD: none → [redacted], env.LOG_LEVEL: none → "debug"`,
    ],
  )
  t.is(told.changes[0]?.['@timestamp'], '2026-11-20T12:00:00.000000000Z')
})

test('pods: their states, tasks and the ends of their containers; a Marathon without pods is no trouble', async (t) => {
  const marathon = await openFakeMarathon(t)
  const told = openTold()
  const containers = [
    { name: 'c1', image: { id: 'shop/job:1' }, resources: { cpus: 0.1, mem: 32 } },
  ]
  const pod = (more: object = {}) => ({
    id: '/job',
    spec: {
      id: '/job',
      version: '2026-11-20T10:00:00.000Z',
      labels: { owner: 'jobs' },
      containers,
      scaling: { instances: 1 },
    },
    instances: [
      {
        id: 'job.instance-1',
        status: 'STABLE',
        agentHostname: 'agent-1',
        specReference: '/v2/pods/job::versions/2026-11-20T10:00:00.000Z',
        containers: [
          {
            name: 'c1',
            status: 'TASK_RUNNING',
            statusSince: '2026-11-20T10:00:03.000Z',
            containerId: 'job.instance-1.c1',
          },
        ],
      },
    ],
    ...more,
  })
  marathon.pods = [pod()]
  const { trouble, close } = await openCollector(t, told, { urls: [marathon.url] })
  await until('the pod', () => told.services.has('/job'))
  t.like(told.services.get('/job'), {
    kind: 'pod',
    instances: 1,
    running: 1,
    owner: 'jobs',
    cpus: 0.1,
    mem: 32,
  })
  t.like(told.tasks[0], {
    task: 'job.instance-1.c1',
    service: '/job',
    image: 'shop/job:1',
    agent: 'agent-1',
    owner: 'jobs',
  })
  const terminationHistory = [
    {
      instanceID: 'job.instance-0',
      terminatedAt: '2026-11-20T11:00:00.000Z',
      containers: [
        {
          containerId: 'job.instance-0.c1',
          lastKnownState: 'TASK_FAILED',
          termination: { exitCode: 3, message: 'no' },
        },
      ],
    },
  ]
  marathon.pods = [pod({ terminationHistory })]
  await until('an end', () => told.changes.length > 0)
  t.like(told.changes[0], {
    'event.action': 'TASK_FAILED',
    'process.exit_code': 3,
    'mesos.task.id': 'job.instance-0.c1',
    'task.message': 'no',
  })
  // What cannot be read has not gone.
  marathon.faults.set('/v2/pods/::status', (_, response) =>
    response.writeHead(500).end('{"message":"oops"}'),
  )
  await until('trouble', () => /oops/.test(trouble() ?? ''))
  await close()
  t.true(told.services.has('/job'))
  marathon.faults.clear()
  marathon.pods = undefined
  const { trouble: without } = await openCollector(t, told, { urls: [marathon.url] })
  await until('gone', () => !told.services.has('/job'))
  t.is(without(), undefined)
  t.deepEqual(
    told.changes.map((doc) => doc['event.action']),
    ['TASK_FAILED', 'removed'],
  )
})

test('a Marathon that is away is told with a remedy, holds back nobody, and is read once it is there', async (t) => {
  const told = openTold()
  const marathon = await openFakeMarathon(t)
  const away = await unusedUrl()
  const { trouble, through, close } = await openCollector(t, told, { urls: [away] })
  await until('trouble', () => trouble() !== undefined)
  t.regex(
    trouble() ?? '',
    /^Marathon does not answer GET \/v2\/\w+ at http:\/\/127.0.0.1:\d+ \(ECONNREFUSED\): is it running/,
  )
  t.true(Date.now() - through() <= 1100)
  await until('its state', () => told.marathon?.trouble !== undefined)
  t.is(told.marathon?.atMs, undefined)
  await close()
  const port = Number(new URL(away).port)
  const server = await openHttpServer(
    t,
    (asked, response) =>
      response.writeHead(307, { location: `//${marathon.host}${asked.url}` }).end(),
    { port },
  )
  marathon.apps = [appOf('/web', [taskOf('web.1')])]
  const again = await openCollector(t, told, { urls: [server.url] })
  await until('the service', () => told.services.has('/web'))
  t.is(again.trouble(), undefined)
  await until('events, too', () => marathon.listeners() === 1)
})

test('HTML, 503, hanging, JSON that breaks off: told, tried again, and nothing is gone meanwhile', async (t) => {
  const marathon = await openFakeMarathon(t)
  const told = openTold()
  marathon.apps = [appOf('/web', [taskOf('web.1')])]
  const { trouble } = await openCollector(t, told, { urls: [marathon.url], timeoutMs: 1000 })
  const faults: [said: RegExp, handler: Parameters<FaultMap['set']>[1]][] = [
    [
      /answered 502 with HTML, not JSON: Bad gateway/,
      (_, response) => response.writeHead(502).end('<h1>Bad gateway</h1>'),
    ],
    [
      /answered 200 with JSON that breaks off/,
      (_, response) => response.end('{"apps":[{"id":"/web"'),
    ],
    [/no whole answer within 1 s/, () => {}],
    [
      /GET \/v2\/apps was not understood: expected a list, got an object/,
      (_, response) => json(response, { apps: {} }),
    ],
    [
      /answered 401: Invalid username or password.: check user and password/,
      (_, response) => json(response, { message: 'Invalid username or password.' }, 401),
    ],
  ]
  for (const [said, handler] of faults) {
    await until('all well', () => trouble() === undefined && told.services.has('/web'))
    marathon.faults.set('/v2/apps', handler)
    await until(String(said), () => said.test(trouble() ?? ''))
    await until('its state', () => said.test(told.marathon?.trouble ?? ''))
    marathon.faults.clear()
  }
  await until('well', () => told.marathon?.trouble === undefined)
  t.deepEqual(told.log, ['/web 1'])
})
type FaultMap = Awaited<ReturnType<typeof openFakeMarathon>>['faults']

test('a queue that cannot be read is trouble; the rest goes on', async (t) => {
  const marathon = await openFakeMarathon(t)
  const told = openTold()
  marathon.apps = [appOf('/web', [taskOf('web.1')])]
  marathon.faults.set('/v2/queue', (_, response) =>
    json(response, { message: 'Not Authorized' }, 403),
  )
  const { trouble } = await openCollector(t, told, { urls: [marathon.url] })
  await until('the service', () => told.services.has('/web'))
  t.regex(trouble() ?? '', /GET \/v2\/queue answered 403: Not Authorized/)
  t.is(told.samples[0]?.metrics['service.queue.waiting'], undefined)
})

test('all apps gone at once are told gone only when a second answer says so', async (t) => {
  const marathon = await openFakeMarathon(t)
  const told = openTold()
  const apps = [appOf('/web', [taskOf('web.1')]), appOf('/api')]
  marathon.apps = apps
  const { trouble, close } = await openCollector(t, told, { urls: [marathon.url], intervalMs: 400 })
  await until('both', () => told.services.size === 2)
  marathon.apps = []
  await until('doubt', () =>
    /tells of no apps any more, of 2 before: may the login still see them/.test(trouble() ?? ''),
  )
  t.is(told.services.size, 2)
  marathon.apps = apps
  await until('well', () => trouble() === undefined)
  t.deepEqual(told.log, ['/web 1', '/api 0'])
  await close()
  marathon.apps = []
  const again = await openCollector(t, told, { urls: [marathon.url] })
  await until('gone', () => told.services.size === 0)
  t.is(again.trouble(), undefined)
  t.deepEqual(told.log.slice(-2), ['/web gone', '/api gone'])
})

test('what is not understood is counted and named once; the rest is read', async (t) => {
  const marathon = await openFakeMarathon(t)
  const told = openTold()
  marathon.apps = [
    appOf('/web', [taskOf('web.1'), { host: 'x' }], { cpus: 'many', instances: 2 }),
    appOf('/odd', [], { instances: 'three' }),
    { instances: 1 },
  ]
  const { metrics } = await openCollector(t, told, { urls: [marathon.url] })
  await until('five polls', () => told.samples.length >= 5)
  t.deepEqual([...told.services.keys()], ['/web'], 'without a number of instances nothing is told')
  t.deepEqual(told.changes.map(({ message }) => message).toSorted(), [
    'marathon: apps at $.apps[0].cpus: expected a number, got text; the rest of the answer was used',
    'marathon: apps at $.apps[0].tasks[1]: a task without id; the rest of the answer was used',
    'marathon: apps at $.apps[1].instances: expected a number, got text; the rest of the answer was used',
    'marathon: apps at $.apps[2]: an app without id; the rest of the answer was used',
  ])
  const counted = (await metrics.misunderstood_total.get()).values
  t.true((counted.find(({ labels }) => labels['what'] === 'apps')?.value ?? 0) >= 20)
})

test('leaders: lost, elected, changed', async (t) => {
  const marathon = await openFakeMarathon(t)
  const told = openTold()
  const { close } = await openCollector(t, told, { urls: [marathon.url] })
  await until('a leader', () => told.marathon?.leader === 'm1:8080')
  t.is(told.changes.length, 0, 'the first is no news')
  marathon.info = { ...marathon.info, leader: 'm2:8080' }
  marathon.faults.set('/v2/apps', (_, response) =>
    response.writeHead(502).end('<p>Could not determine the current leader</p>'),
  )
  await until('lost', () => told.changes.length === 1)
  marathon.faults.clear()
  await until('elected', () => told.changes.length === 2)
  await close()
  marathon.info = { ...marathon.info, leader: 'm3:8080' }
  await openCollector(t, told, { urls: [marathon.url] })
  await until('changed', () => told.changes.length === 3)
  t.deepEqual(toldOf(told), [
    'cluster leader-lost',
    'cluster leader-elected',
    'cluster leader-elected',
  ])
  t.is(told.changes[1]?.message, 'Marathon has a leader again: m2:8080, before it was m1:8080')
  t.is(told.changes[2]?.message, 'Marathon has a new leader: m3:8080, before it was m2:8080')
})

test('the stream: cut in a line end, silent, refused: it is begun again; a poll follows each beginning', async (t) => {
  const marathon = await openFakeMarathon(t)
  const told = openTold()
  marathon.apps = [appOf('/web', [taskOf('web.1')])]
  await openCollector(t, told, { urls: [marathon.url], silentMs: 2000, intervalMs: 60_000 })
  await until('listening', () => marathon.listeners() === 1 && told.services.size === 1)
  marathon.write('event: status_update_event\r\ndata: {"eventType":"status_update_event"}\r')
  marathon.cut()
  marathon.apps = [appOf('/web', [taskOf('web.1'), taskOf('web.2')])]
  await until(
    'listening again, and the poll',
    () => marathon.listeners() === 1 && told.services.get('/web')?.instances === 2,
  )
  t.deepEqual(toldOf(told), [], 'what was cut is no event')
  const heartbeat = setInterval(() => marathon.write(Math.random() < 0.5 ? '\r' : '\n'), 50)
  const streams = () => marathon.asked.filter(({ url }) => url.startsWith('/v2/events')).length
  const before = streams()
  await new Promise((resolve) => setTimeout(resolve, 3500))
  t.is(streams(), before, 'heartbeats keep it')
  clearInterval(heartbeat)
  await until('a new one after silence', () => streams() > before)
  await until('listening', () => marathon.listeners() >= 1)
  marathon.apps = [appOf('/web', [taskOf('web.3')])]
  marathon.emit({ eventType: 'instance_changed_event', timestamp: '2026-11-20T12:00:00.000Z' })
  await until(
    'the poll that the event woke',
    () => told.services.get('/web')?.tasks[0]?.id === 'web.3',
  )
})

test('the events of a standby are those of the leader it leads to', async (t) => {
  const leader = await openFakeMarathon(t)
  const standby = await openFakeMarathon(t)
  const told = openTold()
  standby.apps = [appOf('/web', [taskOf('web.1')])]
  leader.apps = standby.apps
  standby.faults.set('/v2/events', ({ url }, response) =>
    response.writeHead(302, { location: `http://${leader.host}${url}` }).end(),
  )
  await openCollector(t, told, { urls: [standby.url, leader.url] })
  await until('listening to the leader', () => leader.listeners() === 1)
  await until('the service', () => told.services.size === 1)
  t.is(standby.listeners(), 0)
})

test('killed between any two appends, every change is told exactly once, and sequences are dense', async (t) => {
  const marathon = await openFakeMarathon(t)
  const told = openTold()
  const failure = (n: number) => ({
    lastTaskFailure: {
      appId: '/web',
      taskId: `web.${n}`,
      state: 'TASK_FAILED',
      timestamp: new Date(1.7e12 + n * 1000).toISOString(),
      message: 'x',
      host: 'a',
      version: 'v',
    },
  })
  const plan = (n: number) => ({
    id: `d${n}`,
    version: new Date(1.7e12 + n * 1000).toISOString(),
    affectedApps: ['/web'],
    steps: [],
    currentStep: 1,
    totalSteps: 1,
  })
  for (let life = 1; life <= 12; life++) {
    marathon.apps = [
      appOf('/web', [taskOf('web.0')], {
        ...failure(life),
        version: new Date(1.7e12 + life * 1000).toISOString(),
      }),
    ]
    marathon.deployments = [plan(life)]
    const sink = openToldSink(told, (life % 4) + 1)
    const { close } = await openCollector(t, told, { urls: [marathon.url], sink })
    await until('the kill', () => sink.killed())
    await close()
  }
  await openCollector(t, told, { urls: [marathon.url] })
  const ends = () => toldOf(told).filter((one) => /deployment (ended|succeeded)/.test(one)).length
  await until('the last', () => ends() === 11)
  const ids = told.changes.map((doc) => doc['event.id'])
  t.is(new Set(ids).size, ids.length)
  for (const what of ['status TASK_FAILED /web', 'deployment started /web']) {
    t.is(toldOf(told).filter((one) => one === what).length, 12, what)
  }
  t.is(toldOf(told).filter((one) => one === 'deployment configured /web').length, 11)
  const sequences = told.samples.map((doc) => doc['event.sequence'])
  t.deepEqual(sequences, [...sequences.keys()])
})

test('events that are lost, doubled and disordered: the state is right within one poll', async (t) => {
  const marathon = await openFakeMarathon(t)
  const told = openTold()
  await openCollector(t, told, { urls: [marathon.url] })
  await until('listening', () => marathon.listeners() === 1)
  const waiting: object[] = []
  for (let n = 1; n <= 60; n++) {
    const tasks = Array.from({ length: (n % 5) + 1 }, (_, i) => taskOf(`web.${n}.${i}`))
    marathon.apps = [appOf('/web', tasks)]
    waiting.push(
      ...tasks.map(({ id }) => ({
        eventType: 'status_update_event',
        timestamp: new Date(1.7e12 + n * 1000).toISOString(),
        appId: '/web',
        taskId: id,
        taskStatus: 'TASK_RUNNING',
        host: 'agent-1',
        version: '2026-11-20T10:00:00.000Z',
      })),
    )
    // Every twentieth is lost, every seventh comes twice, and some come much later.
    while (waiting.length > 10) {
      const [event] = waiting.splice((n * 7) % waiting.length, 1)
      if (n % 20 === 0 || !event) continue
      for (let i = 0; i < (n % 7 === 0 ? 2 : 1); i++) marathon.emit(event)
    }
    await until(`state ${n}`, () => {
      const state = told.services.get('/web')
      return state?.tasks.map(({ id }) => id).join() === tasks.map(({ id }) => id).join()
    })
  }
  const ids = told.changes.map((doc) => doc['event.id'])
  t.is(new Set(ids).size, ids.length, 'no status twice')
  t.true(ids.length > 100)
})

test("a standby's stale answer: no version and no deployment is told twice, the next answer is right", async (t) => {
  const marathon = await openFakeMarathon(t)
  const told = openTold()
  const version = '2026-11-20T12:00:00.000Z'
  const plan = {
    id: 'd1',
    version,
    affectedApps: ['/web'],
    steps: [],
    currentStep: 1,
    totalSteps: 1,
  }
  const [old, current] = [
    { apps: [appOf('/web', [taskOf('web.1')])], deployments: [] },
    { apps: [appOf('/web', [taskOf('web.2', { version })], { version })], deployments: [plan] },
  ]
  marathon.faults.set('/v2/events', (_, response) => response.writeHead(405).end())
  Object.assign(marathon, old)
  await openCollector(t, told, { urls: [marathon.url], stuckAfterMs: Infinity })
  const isTask = (id: string) => told.services.get('/web')?.tasks[0]?.id === id
  await until('the old', () => isTask('web.1'))
  for (let i = 0; i < 3; i++) {
    Object.assign(marathon, current)
    await until('the current', () => isTask('web.2'))
    Object.assign(marathon, old)
    await until('the stale', () => isTask('web.1'))
  }
  Object.assign(marathon, current)
  await until('the current', () => isTask('web.2'))
  marathon.deployments = []
  const ends = () => told.changes.filter((doc) => doc['event.id'].includes(':end:'))
  await until('its end', () => ends().at(-1)?.['event.action'] === 'succeeded')
  t.deepEqual(
    new Set(told.changes.map((doc) => doc['event.id'])).size,
    3,
    'each end replaces the one before',
  )
  t.deepEqual(
    toldOf(told).filter((one) => !/ended|succeeded/.test(one)),
    ['deployment started /web', 'deployment configured /web'],
  )
})

test('a new task is told early, once its version is known: whoever waits for an identity gets a whole one', async (t) => {
  const marathon = await openFakeMarathon(t)
  const told = openTold()
  marathon.apps = [appOf('/web', [taskOf('web.1')])]
  await openCollector(t, told, { urls: [marathon.url], intervalMs: 60_000 })
  await until('listening', () => marathon.listeners() === 1 && told.tasks.length === 1)
  // From now on answers take too long: what is told is told by events.
  marathon.faults.set('/v2/apps', () => {})
  const status = (taskId: string, version: string) =>
    marathon.emit({
      eventType: 'status_update_event',
      timestamp: '2026-11-20T12:00:00.000Z',
      appId: '/web',
      taskId,
      taskStatus: 'TASK_STAGING',
      host: 'agent-2',
      version,
    })
  status('web.new', '2026-11-20T13:00:00.000Z')
  status('web.2', '2026-11-20T10:00:00.000Z')
  await until('both statuses', () => told.changes.length === 2)
  t.deepEqual(
    told.tasks.map(({ task, image, owner }) => [task, image, owner]),
    [
      ['web.1', 'shop/web:7', 'shop'],
      ['web.2', 'shop/web:7', 'shop'],
    ],
  )
  t.is(
    told.changes[0]?.['container.image.name'],
    undefined,
    'nobody knows the image of that version yet',
  )
})

test('who asked for a change is told, of apps and pods', async (t) => {
  const marathon = await openFakeMarathon(t)
  const told = openTold()
  marathon.apps = [appOf('/shop/web', [], { labels: { owner: 'shop' } })]
  await openCollector(t, told, { urls: [marathon.url] })
  await until('it listens', () => marathon.listeners() === 1 && told.services.size === 1)
  const asked = { clientIp: '10.0.0.5', timestamp: '2026-11-20T10:00:01.000Z' }
  const ofWeb = { ...asked, uri: '/v2/apps//shop/web', appDefinition: { id: '/shop/web' } }
  marathon.emit({ eventType: 'api_post_event', ...ofWeb })
  marathon.emit({ eventType: 'pod_updated_event', ...asked, uri: '/v2/pods/shop/pod::status' })
  // It does not tell which.
  marathon.emit({ eventType: 'pod_created_event', ...asked, uri: '/v2/pods' })
  const found = () => told.changes.filter((one) => one['event.action'] === 'asked')
  await until('both', () => found().length === 2)
  t.like(found()[0], {
    '@timestamp': '2026-11-20T10:00:01.000000000Z',
    'event.id': `change:deployment:asked:/shop/web:${Date.parse(asked.timestamp)}`,
    message: 'a change of /shop/web was asked for by 10.0.0.5 (/v2/apps//shop/web)',
    'client.address': '10.0.0.5',
    'service.name': '/shop/web',
    'mesoscope.owner': 'shop',
  })
  t.is(found()[1]?.['service.name'], '/shop/pod')
})

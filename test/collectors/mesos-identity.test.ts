import test from 'ava'
import { containerIdentity, taskIdentity } from '../../collectors/mesos-identity.ts'
import type { MesosExecutor } from '../../collectors/mesos-state.ts'
import type { MesosTask } from '../../collectors/mesos-tasks.ts'
import type { Identity } from '../../pipeline/identity.ts'

const u = '25212c0c-e6a2-11f1-bdef-02fc00000001'
const around = { cluster: 'test', agent: 'agent-1', framework: 'chronos' }

const task = (more: Partial<MesosTask> = {}): MesosTask => ({
  id: 'job.1',
  name: 'nightly',
  framework: 'F',
  statuses: [{ state: 'TASK_RUNNING', container: 'c1' }],
  labels: {},
  ...more,
})

const tasks: [string, Partial<MesosTask>, Identity][] = [
  [
    'of a framework that is not Marathon: by framework and name',
    { version: '1.4' },
    { service: '/chronos/nightly', task: 'job.1', container: 'c1', version: '1.4', framework: 'F' },
  ],
  [
    'of Marathon: by its id; its version is not that of the discovery information',
    { id: `shop_web.instance-${u}._app.1`, version: '1.4' },
    {
      service: '/shop/web',
      task: `shop_web.instance-${u}._app.1`,
      container: 'c1',
      framework: 'F',
    },
  ],
  [
    'of a pod whose task id is not of Marathon: by its executor',
    { executor: `instance-shop_pod.${u}` },
    { service: '/shop/pod', task: 'job.1', container: 'c1', framework: 'F' },
  ],
  [
    'that names its service itself',
    { id: `shop_web.${u}`, labels: { 'mesoscope.service': '/mine' } },
    {
      service: '/mine',
      task: `shop_web.${u}`,
      container: 'c1',
      framework: 'F',
      labels: { 'mesoscope.service': '/mine' },
    },
  ],
  [
    "in Docker: Mesos knows the container's name, Docker its id",
    { containerizer: 'DOCKER', image: 'shop/web:1' },
    {
      service: '/chronos/nightly',
      task: 'job.1',
      containerName: 'mesos-c1',
      image: 'shop/web:1',
      framework: 'F',
    },
  ],
  [
    'that says how long its events are kept',
    { labels: { 'mesoscope.retention': 'audit', retention: 'other' } },
    {
      service: '/chronos/nightly',
      task: 'job.1',
      container: 'c1',
      framework: 'F',
      retention: 'audit',
      labels: { 'mesoscope.retention': 'audit', retention: 'other' },
    },
  ],
  [
    'with owner and runbook in its labels, whatever their case',
    { labels: { OWNER: 'team-shop', RunBook: 'https://x', 'bad\u0000name': 'v', empty: '' } },
    {
      service: '/chronos/nightly',
      task: 'job.1',
      container: 'c1',
      framework: 'F',
      owner: 'team-shop',
      runbook: 'https://x',
      labels: { OWNER: 'team-shop', RunBook: 'https://x', badname: 'v' },
    },
  ],
]

for (const [title, more, expected] of tasks) {
  test(`a task ${title}`, (t) => {
    t.deepEqual(taskIdentity(task(more), around), {
      cluster: 'test',
      agent: 'agent-1',
      ...expected,
    })
  })
}

test('a task of a framework that is not known yet has no service yet', (t) => {
  t.is(taskIdentity(task(), { cluster: 'test' }).service, undefined)
  t.is(taskIdentity(task({ name: undefined }), around).service, '/chronos')
})

const executor = (more: Partial<MesosExecutor> = {}): MesosExecutor => ({
  id: 'exec',
  name: 'executor of jobs',
  labels: {},
  tasks: [],
  completed: false,
  ...more,
})

test('a container whose executor runs one task is that task, one with several is none', (t) => {
  const container = { container: 'c9', executor: 'exec', framework: 'F' }
  const one = containerIdentity(container, executor({ tasks: [task()] }), around)
  t.like(one, { service: '/chronos/nightly', task: 'job.1', container: 'c9' })
  const two = executor({ tasks: [task(), task({ id: 'job.2' })], labels: { owner: 'me' } })
  t.deepEqual(containerIdentity(container, two, around), {
    cluster: 'test',
    service: '/chronos/executor of jobs',
    container: 'c9',
    agent: 'agent-1',
    framework: 'F',
    owner: 'me',
    labels: { owner: 'me' },
  })
})

test('a custom executor that has ended all but one task runs that one', (t) => {
  const ended = task({ id: 'job.0', state: 'TASK_FINISHED' })
  const running = task({ state: 'TASK_RUNNING' })
  const container = { container: 'c9', executor: 'exec', framework: 'F' }
  const found = containerIdentity(container, executor({ tasks: [ended, running] }), around)
  t.is(found.task, 'job.1')
})

test('before the agent tells more, a container is known by its executor', (t) => {
  const of = (id: string, executorName?: string) =>
    containerIdentity(
      { container: 'c', executor: id, ...(executorName ? { executorName } : {}) },
      undefined,
      {},
    )
  t.deepEqual(of(`shop_web.${u}`), { service: '/shop/web', task: `shop_web.${u}`, container: 'c' })
  t.deepEqual(of(`instance-pod.${u}`), { service: '/pod', container: 'c' })
  t.deepEqual(of('job.1', 'Command Executor (Task: job.1) (Command: sh …)'), {
    task: 'job.1',
    container: 'c',
  })
  t.deepEqual(of('default-executor'), { container: 'c' })
})

import test from 'ava'
import { dockerIdentity } from '../../collectors/docker-identity.ts'
import type { Identity } from '../../pipeline/identity.ts'

const u = 'ede58961-8932-479b-8055-a2d4adae3535'
const other = '25212c0c-e6a2-11f1-bdef-02fc00000001'
const agent = '8ad4b0a7-0143-493f-8160-dbdea31d2cb6-S0'
const podExecutor = `instance-shop_pod.${other}`
const sandbox = (executor: string, run = u) =>
  `/var/lib/mesos/slaves/${agent}/frameworks/F-0000/executors/${executor}/runs/${run}`
const mount = (path: string) => ({ Source: path, Destination: '/mnt/mesos/sandbox' })

const cases: [string, Record<string, unknown>, Identity][] = [
  [
    'its name says nothing of its service and task where Mesos gave it',
    { Name: `/mesos-${u}` },
    { containerName: `mesos-${u}` },
  ],
  [
    'the name of Mesos 0.23 to 1.3',
    { Name: `/mesos-${agent}.${u}.executor` },
    { containerName: `mesos-${agent}.${u}.executor` },
  ],
  [
    'a name that only begins like it is a name',
    { Name: '/mesos-dns' },
    { service: 'mesos-dns', task: 'mesos-dns', containerName: 'mesos-dns' },
  ],
  [
    'without the app of Marathon its task id tells the service',
    { Name: `/mesos-${u}`, Config: { Labels: { MESOS_TASK_ID: `shop_web.${other}` } } },
    {
      service: '/shop/web',
      task: `shop_web.${other}`,
      containerName: `mesos-${u}`,
      labels: { MESOS_TASK_ID: `shop_web.${other}` },
    },
  ],
  [
    'ids of Chronos are of no app',
    { Name: `/mesos-${u}`, Config: { Env: ['mesos_task_id=ct:1429012800000:0:job:'] } },
    { task: 'ct:1429012800000:0:job:', containerName: `mesos-${u}` },
  ],
  [
    'the sandbox in Mounts: framework, task and service',
    { Name: `/mesos-${u}`, Mounts: [mount(sandbox(`shop_web.${other}`))] },
    {
      service: '/shop/web',
      task: `shop_web.${other}`,
      containerName: `mesos-${u}`,
      framework: 'F-0000',
    },
  ],
  [
    'the sandbox in MountPoints of config.v2.json, of another framework',
    { Name: `/mesos-${u}`, MountPoints: { '/mnt/mesos/sandbox': mount(sandbox('storm-31000')) } },
    { containerName: `mesos-${u}`, framework: 'F-0000' },
  ],
  [
    'the sandbox in Binds, of a pod: its executor runs several tasks',
    { Name: `/mesos-${u}`, HostConfig: { Binds: [`${sandbox(podExecutor)}:/mnt/mesos/sandbox`] } },
    { service: '/shop/pod', containerName: `mesos-${u}`, framework: 'F-0000' },
  ],
  [
    'the sandbox of another container is not its own',
    { Name: `/mesos-${u}`, Mounts: [mount(sandbox(`shop_web.${other}`, other))] },
    { containerName: `mesos-${u}` },
  ],
  [
    'nor is that of a container that Mesos has not started',
    { Name: '/log-reader', Mounts: [mount(sandbox(`shop_web.${other}`))] },
    { service: 'log-reader', task: 'log-reader', containerName: 'log-reader' },
  ],
  [
    'executor and framework in the environment',
    {
      Name: `/mesos-${u}`,
      Config: { Env: [`MESOS_EXECUTOR_ID=${podExecutor}`, 'MESOS_FRAMEWORK_ID=F-0001'] },
    },
    { service: '/shop/pod', containerName: `mesos-${u}`, framework: 'F-0001' },
  ],
  [
    'a container with another name, whose environment tells what Mesos called it',
    { Name: '/renamed', Config: { Env: [`MESOS_CONTAINER_NAME=mesos-${u}`] } },
    { containerName: 'renamed' },
  ],
]

test('mounts that are none are nothing, not an error', (t) => {
  for (const odd of [null, 3, 'x', [null, 3, {}, { Source: 7 }], { a: null }, [['x']]]) {
    const described = {
      Name: `/mesos-${u}`,
      Mounts: odd,
      MountPoints: odd,
      HostConfig: { Binds: odd },
    }
    const expected = { containerName: `mesos-${u}`, agent: 'box' }
    t.deepEqual(dockerIdentity(described, { hostname: 'box' }), expected)
    t.deepEqual(dockerIdentity({ ...described, HostConfig: odd }, { hostname: 'box' }), expected)
  }
})

for (const [title, described, expected] of cases) {
  test(`a container of Mesos: ${title}`, (t) => {
    t.deepEqual(dockerIdentity(described, { hostname: 'box' }), { ...expected, agent: 'box' })
  })
}

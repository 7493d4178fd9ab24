import test from 'ava'
import {
  containerOfDockerName,
  marathonExecutor,
  marathonTask,
  type MarathonId,
} from '../../collectors/mesos-task-id.ts'

const u = '25212c0c-e6a2-11f1-bdef-02fc00000001'

const tasks: [string, string, MarathonId | undefined][] = [
  [
    'an app since 1.8, with its incarnation',
    `shop_api.instance-${u}._app.1`,
    { service: '/shop/api', instance: `shop_api.instance-${u}` },
  ],
  [
    'an app since 1.5',
    `shop_api.instance-${u}._app`,
    { service: '/shop/api', instance: `shop_api.instance-${u}` },
  ],
  [
    'an instance that is a task of old',
    `shop_api.marathon-${u}._app.1`,
    { service: '/shop/api', instance: `shop_api.marathon-${u}` },
  ],
  ['an id of an instance, which is no task', `shop_api.marathon-${u}`, undefined],
  [
    'a container of a pod',
    `shop_pod.instance-${u}.web.3`,
    { service: '/shop/pod', instance: `shop_pod.instance-${u}`, container: 'web' },
  ],
  [
    'a container of a pod, before incarnations',
    `pod.instance-${u}.side-car`,
    { service: '/pod', instance: `pod.instance-${u}`, container: 'side-car' },
  ],
  [
    'a separator _ before the container',
    `pod.instance-${u}_web`,
    { service: '/pod', instance: `pod.instance-${u}`, container: 'web' },
  ],
  ['a resident app, restarted', `db_main.${u}.7`, { service: '/db/main' }],
  ['an app of old', `qa-mailhog.bcdf1bbd-e50a-11e5-b92c-c6c68d973162`, { service: '/qa-mailhog' }],
  ['an app of old, with _ before the id', `qa_mail_${u}`, { service: '/qa/mail' }],
  [
    'dots in the app',
    `a.b_c.d.instance-${u}._app.12`,
    { service: '/a.b/c.d', instance: `a.b_c.d.instance-${u}` },
  ],
  [
    'an app called instance-…',
    `instance-x.instance-${u}._app.1`,
    { service: '/instance-x', instance: `instance-x.instance-${u}` },
  ],
  ['a UUID in capitals', `a.${u.toUpperCase()}`, { service: '/a' }],
  ['Chronos', 'ct:1456833941000:0:clean-docker-containers:', undefined],
  ['Chronos with dots', 'ct:1429012800000:0:EM for a.b.c:', undefined],
  ['Storm', 'storm-host.example.org-31000', undefined],
  ['HDFS', 'task.journalnode.journalnode.NodeExecutor.1427905222900', undefined],
  ['an instance that is no UUID', 'web.instance-0001.1', undefined],
  ['a bare UUID', u, undefined],
  ['nothing', '', undefined],
  ['a UUID with a digit too many', `a.${u}0`, undefined],
  ['a text without end', `${'a.'.repeat(100_000)}${u}`, undefined],
]

for (const [title, id, expected] of tasks) {
  test(`task id: ${title}`, (t) => {
    if (expected === undefined) t.is(marathonTask(id), undefined)
    else t.like(marathonTask(id), expected)
  })
}

const executors: [string, string, MarathonId | undefined][] = [
  ['a pod', `instance-shop_pod.${u}`, { service: '/shop/pod', instance: `shop_pod.instance-${u}` }],
  [
    'a command task',
    `shop_api.instance-${u}._app.1`,
    {
      service: '/shop/api',
      instance: `shop_api.instance-${u}`,
      task: `shop_api.instance-${u}._app.1`,
    },
  ],
  ['a custom executor', `marathon-shop_api.${u}`, { service: '/shop/api', task: `shop_api.${u}` }],
  ['the default executor', 'default-executor', undefined],
]

for (const [title, id, expected] of executors) {
  test(`executor id: ${title}`, (t) => {
    t.deepEqual(marathonExecutor(id), expected)
  })
}

const names: [string, string | undefined][] = [
  [`mesos-${u}`, u],
  [`/mesos-${u}`, u],
  [`mesos-20150707-195256-1740121354-5150-29801-S0.${u}`, u],
  [`mesos-20150707-195256-1740121354-5150-29801-S0.${u}.executor`, u],
  ['mesos-master', undefined],
  ['web-1', undefined],
  [`mesos-${u}x`, undefined],
]

for (const [name, expected] of names) {
  test(`Docker name: ${name}`, (t) => {
    t.is(containerOfDockerName(name), expected)
  })
}

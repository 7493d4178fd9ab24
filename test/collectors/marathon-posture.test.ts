import test from 'ava'
import fc from 'fast-check'
import { partOf, type Problem } from '../../collectors/answer.ts'
import { readApps } from '../../collectors/marathon-apps.ts'
import { postureOfApp, postureOfPod } from '../../collectors/marathon-posture.ts'
import { isPostureFinding, postureNames, type PostureFinding } from '../../pipeline/posture.ts'
import { mutated, mutations } from '../helpers/mutate.ts'
import { marathonFixture, withMarathon } from './marathon-fixture.ts'

const judge = (app: unknown, problems: Problem[] = []) => {
  const part = partOf(app, problems)
  return part ? postureOfApp(part) : {}
}

function judged(app: unknown) {
  const verdicts = judge(app)
  const unknown = postureNames.filter((name) => verdicts[name] === undefined)
  return { found: postureNames.filter((name) => verdicts[name]?.found), unknown }
}

const good = {
  id: '/shop/web',
  instances: 3,
  cpus: 0.5,
  mem: 512,
  container: {
    type: 'DOCKER',
    docker: {
      image: 'shop/web:1.4.2',
      privileged: false,
      parameters: [{ key: 'user', value: '1000' }],
    },
    volumes: [],
  },
  networks: [{ mode: 'container/bridge' }],
  healthChecks: [{ protocol: 'MESOS_HTTP' }],
}
const but = (change: object) => ({ ...good, ...change })
const docker = (change: object, volumes: unknown = []) =>
  but({ container: { type: 'DOCKER', docker: { ...good.container.docker, ...change }, volumes } })
const option = (key: unknown, value: unknown = 'true') => docker({ parameters: [{ key, value }] })

const cases: [string, unknown, PostureFinding, boolean | undefined][] = [
  ['set', docker({ privileged: true }), 'privileged', true],
  ['as an option', option('privileged'), 'privileged', true],
  ['not told', docker({ privileged: undefined }), 'privileged', undefined],
  ["Mesos' containerizer", but({ container: { type: 'MESOS' } }), 'privileged', undefined],
  ['networks of 1.5', but({ networks: [{ mode: 'host' }] }), 'host-network', true],
  ['network of 1.4', docker({ network: 'HOST' }), 'host-network', true],
  ['an option', option('net', 'host'), 'host-network', true],
  ['a bridge', good, 'host-network', false],
  ['no word on it', but({ networks: undefined }), 'host-network', undefined],
  ['an empty list', but({ networks: [] }), 'host-network', undefined],
  ['an option', option('--pid', 'host'), 'host-pid', true],
  ['no option', good, 'host-pid', false],
  ['options that are not told', docker({ parameters: undefined }), 'host-pid', undefined],
  ['the socket', docker({}, [{ hostPath: '/var/run/docker.sock' }]), 'docker-socket', true],
  ['as an option', option('volume', '/run/docker.sock:/s'), 'docker-socket', true],
  [
    'as a mount',
    option('mount', 'type=bind,source=/run/docker.sock,target=/s'),
    'docker-socket',
    true,
  ],
  ['another folder', docker({}, [{ hostPath: '/srv' }]), 'docker-socket', false],
  ['volumes that are not told', docker({}, null), 'docker-socket', undefined],
  ['no container', but({ container: undefined }), 'docker-socket', undefined],
  ['a user', good, 'root', false],
  ['root', option('user', 'root:root'), 'root', true],
  ['left to the image', docker({ parameters: [] }), 'root', undefined],
  ['a command as root', but({ container: undefined, user: 'root' }), 'root', true],
  ['0 MiB', but({ mem: 0 }), 'no-memory-limit', true],
  ['not told', but({ mem: undefined }), 'no-memory-limit', undefined],
  ['below 0', but({ mem: -1 }), 'no-memory-limit', undefined],
  ['0 cores', but({ cpus: 0 }), 'no-cpu-limit', true],
  ['half a core', good, 'no-cpu-limit', false],
  ['one', option('cap-add', 'NET_ADMIN'), 'capabilities', true],
  ['none', good, 'capabilities', false],
  ['latest', docker({ image: 'shop/web:latest' }), 'mutable-tag', true],
  ['a version', good, 'mutable-tag', false],
  ['no image', docker({ image: undefined }), 'mutable-tag', undefined],
  ['none', but({ healthChecks: [] }), 'no-health-check', true],
  ['one', good, 'no-health-check', false],
  ['not told', but({ healthChecks: undefined }), 'no-health-check', undefined],
  ['no list', but({ healthChecks: 'yes' }), 'no-health-check', undefined],
  ['one', but({ instances: 1 }), 'one-instance', true],
  ['none', but({ instances: 0 }), 'one-instance', true],
  ['two', but({ instances: 2 }), 'one-instance', false],
  ['not told', but({ instances: undefined }), 'one-instance', undefined],
  ['no number', but({ instances: 'many' }), 'one-instance', undefined],
]
for (const [title, app, name, found] of cases) {
  test(`${name}: ${title}: ${String(found)}`, (t) => t.is(judge(app)[name]?.found, found))
}

test('what is fit has no finding', (t) => t.deepEqual(judged(good), { found: [], unknown: [] }))

for (const nothing of [undefined, null, 7, [], {}]) {
  test(`nothing is known of ${JSON.stringify(nothing)}`, (t) => t.deepEqual(judge(nothing), {}))
}

const captured: [string, PostureFinding[], PostureFinding[]][] = [
  ['dd-agent-apps', ['mutable-tag'], ['root']],
  // A command without a container: the agent decides.
  [
    'marathon-consul-app',
    [],
    [
      'privileged',
      'host-network',
      'host-pid',
      'docker-socket',
      'root',
      'capabilities',
      'mutable-tag',
    ],
  ],
]
for (const [name, found, unknown] of captured) {
  withMarathon(`an app of a real Marathon: ${name}`, (t) => {
    const [app] = readApps(marathonFixture(name)).apps ?? []
    const verdicts = app?.posture ?? {}
    t.deepEqual(
      postureNames.filter((one) => verdicts[one]?.found),
      found,
    )
    t.deepEqual(
      postureNames.filter((one) => verdicts[one] === undefined),
      unknown,
    )
  })
}

test('of a pod what is known without its containers', (t) => {
  const pod = { id: '/p', kind: 'pod' as const, labels: new Map(), env: {}, resident: false }
  const verdicts = postureOfPod({ ...pod, hasChecks: false, instances: 1, image: 'web', mem: 32 })
  t.deepEqual(
    Object.entries(verdicts).map(([name, { found }]) => `${name} ${found}`),
    ['mutable-tag true', 'no-health-check true', 'no-memory-limit false', 'one-instance true'],
  )
})

test('whatever Marathon answers, verdicts are whole and their words short', (t) => {
  const property = fc.property(mutations, (steps) => {
    for (const [name, verdict] of Object.entries(judge(mutated(good, steps)))) {
      t.true(isPostureFinding(name) && typeof verdict.found === 'boolean')
      t.true(verdict.detail.length <= 300)
    }
  })
  fc.assert(property, { numRuns: 500, seed: 9, includeErrorInReport: true })
})

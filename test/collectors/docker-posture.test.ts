import { readFileSync } from 'node:fs'
import test from 'ava'
import fc from 'fast-check'
import { postureOfInspect } from '../../collectors/docker-posture.ts'
import { isPostureFinding, postureNames, type PostureFinding } from '../../pipeline/posture.ts'
import { mutated, mutations } from '../helpers/mutate.ts'

const fixture = (name: string): Record<string, unknown> =>
  JSON.parse(
    readFileSync(new URL(`../fixtures/docker-engine/${name}.json`, import.meta.url), 'utf8'),
  )

/** The names that were found, and those that are not known. */
function judged(answer: unknown) {
  const verdicts = postureOfInspect(answer)
  const unknown = postureNames.filter((name) => verdicts[name] === undefined)
  return { found: postureNames.filter((name) => verdicts[name]?.found), unknown }
}

const captured: [string, PostureFinding[]][] = [
  ['inspect-bridge-ports', ['root', 'no-memory-limit', 'no-cpu-limit', 'no-health-check']],
  ['inspect-health', ['root', 'no-memory-limit', 'no-cpu-limit']],
  ['inspect-mesos-running', ['root', 'no-health-check']],
  ['inspect-mesos-exited', ['root', 'no-health-check']],
  ['inspect-tty', ['root', 'no-memory-limit', 'no-cpu-limit', 'no-health-check']],
]
for (const [name, found] of captured) {
  test(`a real daemon's ${name}`, (t) => {
    t.deepEqual(judged(fixture(name)), { found, unknown: ['one-instance'] })
  })
}

test("the files in a container's folder tell the same as the daemon", (t) => {
  const config = fixture('config-v2-running')
  const verdicts = judged({ ...config, HostConfig: fixture('hostconfig') })
  t.deepEqual(verdicts.unknown, ['one-instance'])
})

const good = {
  Config: { Image: 'shop/web:1.4.2', User: '1000', Healthcheck: { Test: ['CMD', 'x'] } },
  HostConfig: {
    Privileged: false,
    NetworkMode: 'bridge',
    PidMode: '',
    CapAdd: null,
    Memory: 536_870_912,
    NanoCpus: 500_000_000,
    CpuQuota: 0,
    CpuShares: 0,
    Binds: null,
  },
  Mounts: [],
}
const but = (part: 'Config' | 'HostConfig', change: object) => ({
  ...good,
  [part]: { ...good[part], ...change },
})
const mounting = (Mounts: unknown) => ({ ...good, Mounts })
const bind = (Source: unknown, more = {}) => [{ Type: 'bind', Source, Destination: '/x', ...more }]

const cases: [string, unknown, PostureFinding, boolean | undefined][] = [
  ['privileged', but('HostConfig', { Privileged: true }), 'privileged', true],
  ['privileged as a text', but('HostConfig', { Privileged: 'false' }), 'privileged', undefined],
  ['the network of the host', but('HostConfig', { NetworkMode: 'host' }), 'host-network', true],
  [
    'that of a container',
    but('HostConfig', { NetworkMode: 'container:a' }),
    'host-network',
    undefined,
  ],
  ['a network by name', but('HostConfig', { NetworkMode: 'shop' }), 'host-network', false],
  ['processes of the host', but('HostConfig', { PidMode: 'host' }), 'host-pid', true],
  [
    'processes of a container',
    but('HostConfig', { PidMode: 'container:a' }),
    'host-pid',
    undefined,
  ],
  ['no word on processes', but('HostConfig', { PidMode: undefined }), 'host-pid', undefined],
  ['the socket', mounting(bind('/var/run/docker.sock')), 'docker-socket', true],
  [
    'the socket elsewhere',
    mounting(bind('/srv/d.sock', { Destination: '/run/docker.sock' })),
    'docker-socket',
    true,
  ],
  ['the folder of the socket', mounting(bind('/var/run/')), 'docker-socket', true],
  ['the whole machine', mounting(bind('/')), 'docker-socket', true],
  [
    'the socket of containerd',
    mounting(bind('/run/containerd/containerd.sock')),
    'docker-socket',
    true,
  ],
  ['a pipe of Windows', mounting(bind('\\\\.\\pipe\\docker_engine')), 'docker-socket', true],
  [
    'the socket among binds',
    but('HostConfig', { Binds: ['/run/docker.sock:/s:ro'] }),
    'docker-socket',
    true,
  ],
  ['a folder of its own', mounting(bind('/srv/data')), 'docker-socket', false],
  [
    'a volume',
    mounting([{ Type: 'volume', Source: '/', Destination: '/data' }]),
    'docker-socket',
    false,
  ],
  ['a mount without its source', mounting(bind(undefined)), 'docker-socket', undefined],
  ['mounts that are none', mounting([null, 7]), 'docker-socket', undefined],
  ['no user', but('Config', { User: '' }), 'root', true],
  ['user 0', but('Config', { User: '0:1000' }), 'root', true],
  ['user 000', but('Config', { User: '000' }), 'root', true],
  ['root by name', but('Config', { User: 'root' }), 'root', true],
  ['a user whose name begins so', but('Config', { User: 'rooter' }), 'root', false],
  ['a user that is a number', but('Config', { User: 1000 }), 'root', undefined],
  ['no memory limit', but('HostConfig', { Memory: 0 }), 'no-memory-limit', true],
  [
    'a limit as a text of digits',
    but('HostConfig', { Memory: '1048576' }),
    'no-memory-limit',
    false,
  ],
  ['a limit that is no number', but('HostConfig', { Memory: NaN }), 'no-memory-limit', undefined],
  ['no word on memory', but('HostConfig', { Memory: null }), 'no-memory-limit', undefined],
  ['no cpu', but('HostConfig', { NanoCpus: 0 }), 'no-cpu-limit', true],
  ['shares', but('HostConfig', { NanoCpus: 0, CpuShares: 102 }), 'no-cpu-limit', false],
  ['a quota without end', but('HostConfig', { NanoCpus: 0, CpuQuota: -1 }), 'no-cpu-limit', true],
  [
    'no word on shares',
    but('HostConfig', { NanoCpus: 0, CpuShares: null }),
    'no-cpu-limit',
    undefined,
  ],
  ['a capability', but('HostConfig', { CapAdd: ['CAP_SYS_ADMIN'] }), 'capabilities', true],
  ['all capabilities', but('HostConfig', { CapAdd: ['ALL'] }), 'capabilities', true],
  ['a usual one', but('HostConfig', { CapAdd: ['NET_BIND_SERVICE'] }), 'capabilities', false],
  ['none', but('HostConfig', { CapAdd: [] }), 'capabilities', false],
  ['capabilities that are none', but('HostConfig', { CapAdd: [7] }), 'capabilities', undefined],
  ['no word on capabilities', but('HostConfig', { CapAdd: undefined }), 'capabilities', undefined],
  ['a check', good, 'no-health-check', false],
  [
    'a check that is off',
    but('Config', { Healthcheck: { Test: ['NONE'] } }),
    'no-health-check',
    true,
  ],
  ['no check', but('Config', { Healthcheck: undefined }), 'no-health-check', true],
  ['a check that is none', but('Config', { Healthcheck: 'yes' }), 'no-health-check', undefined],
  ...images().map(([image, mutable]): (typeof cases)[number] => [
    `the image ${JSON.stringify(image)}`,
    but('Config', { Image: image }),
    'mutable-tag',
    mutable,
  ]),
]
for (const [title, answer, name, found] of cases) {
  test(`${name}: ${title}`, (t) => t.is(postureOfInspect(answer)[name]?.found, found))
}

function images(): [unknown, boolean | undefined][] {
  const commit = '9fceb02d0ae598e95dc970b74767f19372d61af8'
  return [
    ['web', true],
    ['shop/web:latest', true],
    ['registry:5000/shop/web', true],
    ['registry:5000/shop/web:stable', true],
    ['web:latest-1', true],
    ['web:', true],
    ['deadbeef:feedface', true],
    ['web:1', false],
    ['web:v2.3-alpine', false],
    ['web:release-2026-11-22', false],
    [`web:${commit}`, false],
    [`web:${commit.slice(0, 7)}`, false],
    [`registry:5000/web@sha256:${'a'.repeat(64)}`, false],
    [`web:latest@sha256:${'a'.repeat(64)}`, false],
    [`sha256:${'b'.repeat(64)}`, false],
    ['', undefined],
    [undefined, undefined],
    [['web'], undefined],
  ]
}

test('what is fit has no finding', (t) => {
  t.deepEqual(judged(good), { found: [], unknown: ['one-instance'] })
})

for (const nothing of [undefined, null, 7, 'text', [], {}, { Config: [], HostConfig: 'x' }]) {
  test(`nothing is known of ${JSON.stringify(nothing)}`, (t) => {
    t.deepEqual(postureOfInspect(nothing), {})
  })
}

test('whatever the daemon answers, verdicts are whole and their words short and harmless', (t) => {
  const answers = captured.map(([name]) => fixture(name))
  const property = fc.property(fc.nat(answers.length - 1), mutations, (at, steps) => {
    for (const [name, verdict] of Object.entries(postureOfInspect(mutated(answers[at], steps)))) {
      t.true(isPostureFinding(name) && typeof verdict.found === 'boolean')
      // eslint-disable-next-line no-control-regex -- finding them is the point
      t.false(verdict.detail.length > 300 || /[\u0000-\u001f]/.test(verdict.detail))
    }
  })
  fc.assert(property, { numRuns: 500, seed: 8, includeErrorInReport: true })
})

import test from 'ava'
import { postureNames, type PostureFinding, type ServicePosture } from '../../pipeline/posture.ts'
import { assess, type ReadinessInputs, type ReadinessName } from '../../pipeline/readiness.ts'
import type { ServiceState } from '../../pipeline/service-state.ts'

const service = '/shop/web'
const nowMs = 1_000_000

function postureOf(found: PostureFinding[] = [], more: Partial<ServicePosture> = {}) {
  const verdicts = postureNames.map((name) => {
    const isFound = found.includes(name)
    return [name, { found: isFound, detail: isFound ? 'seen' : 'fine', sinceMs: 1 }] as const
  })
  const identity = { service, owner: 'shop', runbook: 'https://runbooks.test/web' }
  return {
    v: 1 as const,
    service,
    findings: Object.fromEntries(verdicts),
    accept: [],
    containers: 2,
    app: true,
    identity,
    heardMs: 1,
    ...more,
  } satisfies ServicePosture
}

const good: ReadinessInputs = {
  service,
  nowMs,
  posture: postureOf(),
  state: undefined,
  lines: { count: 12, lastMs: nowMs - 3000 },
  behindSeconds: undefined,
  rules: [{ alert: 'ErrorsHigh', reads: ['errors'], labels: {} }],
  retentionClasses: ['audit'],
}

const point = (inputs: ReadinessInputs, name: ReadinessName) =>
  assess(inputs).points.find((one) => one.point === name)

test('what has all is fit, and each point has a reason', (t) => {
  const { fit, points } = assess(good)
  t.true(fit)
  t.is(points.length, postureNames.length + 5)
  t.true(points.every(({ status, reason }) => status === 'ok' && reason !== ''))
})

test('of what nobody knows anything no point is ok but how it is kept', (t) => {
  const nothing = { posture: undefined, lines: undefined, rules: undefined }
  const { fit, points } = assess({ ...good, ...nothing, retentionClasses: undefined })
  t.false(fit)
  const ok = points.filter(({ status }) => status === 'ok').map((one) => one.point)
  t.deepEqual(ok, ['retention'])
})

const { identity } = postureOf()
const state = (more: Partial<ServiceState>) => ({ labels: {}, ...more }) as ServiceState
const cases: [string, Partial<ReadinessInputs>, ReadinessName, string, RegExp][] = [
  ['found', { posture: postureOf(['root']) }, 'root', 'missing', /^it runs as root \(seen\)$/],
  ['not looked at', { posture: postureOf([], { findings: {} }) }, 'root', 'unknown', /do not tell/],
  [
    'no container',
    { posture: postureOf([], { findings: {}, containers: 0 }) },
    'root',
    'unknown',
    /no container/,
  ],
  [
    'accepted',
    { posture: postureOf(['root'], { accept: ['root'] }) },
    'root',
    'accepted',
    /accepts it/,
  ],
  [
    'not known, accepted',
    { posture: postureOf([], { findings: {}, accept: ['root'] }) },
    'root',
    'accepted',
    /accepts it/,
  ],
  ['accepted, and not so', { posture: postureOf([], { accept: ['root'] }) }, 'root', 'ok', /fine/],
  ['no line', { lines: undefined }, 'logs', 'missing', /no line/],
  ['no line, but behind', { lines: undefined, behindSeconds: 9 }, 'logs', 'unknown', /9 s/],
  [
    'no line by its wish',
    { lines: undefined, state: state({ labels: { 'mesoscope.logs': 'false' } }) },
    'logs',
    'missing',
    /mesoscope\.logs/,
  ],
  ['no rule', { rules: [] }, 'alert-rule', 'missing', /no rule/],
  ['rules that nobody knows', { rules: undefined }, 'alert-rule', 'unknown', /not known/],
  ['the owner of the service', {}, 'alert-rule', 'ok', /ErrorsHigh; owner shop/],
  [
    'no owner',
    { posture: postureOf([], { identity: { service } }) },
    'alert-rule',
    'missing',
    /no owner/,
  ],
  [
    'the owner of the rule',
    { posture: undefined, rules: [{ alert: 'A', reads: [], labels: { owner: 'ops' } }] },
    'alert-rule',
    'ok',
    /owner ops/,
  ],
  [
    'an owner to be filled in',
    { posture: undefined, rules: [{ alert: 'A', reads: [], labels: { owner: '{{ x }}' } }] },
    'alert-rule',
    'missing',
    /no owner/,
  ],
  [
    'no label',
    { posture: postureOf([], { identity: { service } }) },
    'owner',
    'missing',
    /no label/,
  ],
  [
    "Marathon's word",
    { posture: undefined, state: state({ runbook: 'https://x' }) },
    'runbook',
    'ok',
    /https:\/\/x/,
  ],
  ['no class', {}, 'retention', 'ok', /default/],
  [
    'a class',
    { posture: postureOf([], { identity: { ...identity, retention: 'audit' } }) },
    'retention',
    'ok',
    /audit/,
  ],
  [
    'a class that is not declared',
    { state: state({ retention: 'forever' }) },
    'retention',
    'missing',
    /forever/,
  ],
]
for (const [title, more, name, status, reason] of cases) {
  test(`${name}: ${title}`, (t) => {
    const found = point({ ...good, ...more }, name)
    t.is(found?.status, status as never)
    t.regex(found?.reason ?? '', reason)
    t.is(
      found?.remedy !== undefined,
      status === 'missing' || (status === 'unknown' && name !== 'alert-rule'),
    )
  })
}

test('a single point that is missing or unknown makes it unfit; an accepted one does not', (t) => {
  const fit = (posture: ServicePosture) => assess({ ...good, posture }).fit
  t.false(fit(postureOf(['root'])))
  t.false(fit(postureOf([], { findings: {} })))
  t.true(fit(postureOf(['root', 'one-instance'], { accept: ['root', 'one-instance'] })))
})

test('names that are no finding are told', (t) => {
  const posture = postureOf([], { accept: ['root', 'constructor', 'logs'] })
  t.deepEqual(assess({ ...good, posture }).notUnderstood, ['constructor', 'logs'])
})

import test from 'ava'
import {
  identityFields,
  identityFromEcs,
  identityToEcs,
  matchService,
  type Identity,
} from '../../pipeline/identity.ts'

const whole: Identity = {
  labels: { team: 'shop', 'a.b': '"' },
  cluster: 'main',
  service: '/shop/web',
  task: 'shop_web.8c1',
  container: '4f0c',
  containerName: 'mesos-1',
  agent: 'agent-1',
  version: '2026-11-22T18:00:00.000Z',
  image: 'shop/web:1.2',
  deployment: 'd1',
  framework: 'f1',
  owner: 'team-shop',
  runbook: 'https://runbook',
  retention: 'audit',
}

test('an identity survives its ECS form, whose names are in a fixed order', (t) => {
  const ecs = identityToEcs(whole)
  t.deepEqual(identityFromEcs(ecs), whole)
  t.deepEqual(Object.keys(ecs), Object.values(identityFields))
})

test('what is unknown is absent, in both forms', (t) => {
  t.deepEqual(identityToEcs({ service: 'web' }), { 'service.name': 'web' })
  t.deepEqual(identityFromEcs({ 'service.name': 'web', message: 'x', 'host.name': undefined }), {
    service: 'web',
  })
  t.deepEqual(identityToEcs({}), {})
})

const services = ['/shop/web', '/shop/admin/web', '/shop/webshop', 'web', 'host', '/a/b/c', '/c']
const names: [name: string, meant: string[]][] = [
  ['web', ['web']],
  ['/shop/web', ['/shop/web']],
  ['shop/web', ['/shop/web']],
  ['admin/web', ['/shop/admin/web']],
  ['/web', ['/shop/web', '/shop/admin/web']],
  ['webshop', ['/shop/webshop']],
  ['shop', []],
  ['eb', []],
  ['c', ['/a/b/c', '/c']],
  ['b/c', ['/a/b/c']],
  ['/c', ['/c']],
  ['host', ['host']],
  ['', []],
  ['/', []],
  ['Web', []],
]
for (const [name, meant] of names) {
  test(`"${name}" means ${meant.join(' or ') || 'no service'}`, (t) => {
    t.deepEqual(matchService(name, services), meant)
  })
}

import test from 'ava'
import {
  acceptedNames,
  isPostureFinding,
  readPosture,
  readServicePosture,
  serviceOnly,
} from '../../pipeline/posture.ts'

const bytes = (value: unknown) => Buffer.from(JSON.stringify(value))
const posture = {
  v: 1,
  of: 'container',
  id: 'a1',
  identity: { service: '/shop/web' },
  findings: { root: { found: true, detail: 'no user' } },
  atMs: 5,
}
const held = {
  v: 1,
  service: '/shop/web',
  findings: {},
  accept: [],
  containers: 1,
  app: false,
  identity: { service: '/shop/web' },
  heardMs: 5,
}

test('names in a label: divided by commas, whatever their case, each once', (t) => {
  t.deepEqual(acceptedNames(' Root,one-instance ,,root'), ['root', 'one-instance'])
  t.deepEqual(acceptedNames(undefined), [])
  t.is(acceptedNames(Array.from({ length: 1000 }, (_, i) => `x${i}`).join()).length, 50)
  t.false(isPostureFinding('constructor'))
})

test('what only a newer version knows is left out', (t) => {
  const more = { ...posture, findings: { ...posture.findings, 'from-the-future': 7 } }
  t.deepEqual(readPosture(bytes(more)) as unknown, posture)
  t.deepEqual(readServicePosture(bytes(held)) as unknown, held)
})

const bad: [string, object][] = [
  ['another version', { v: 2 }],
  ['of something else', { of: 'pod' }],
  ['no id', { id: undefined }],
  ['no service', { identity: {} }],
  ['an empty service', { identity: { service: '' } }],
  ['no time', { atMs: 'soon' }],
  ['no findings', { findings: null }],
  ['a list of findings', { findings: [] }],
  ['a finding that is none', { findings: { root: true } }],
  ['a finding without words', { findings: { root: { found: true } } }],
]
for (const [title, change] of bad) {
  test(`no posture: ${title}`, (t) => {
    t.is(readPosture(bytes({ ...posture, ...change })), undefined)
  })
}

test('no state of a service: of another version, damaged, or no JSON', (t) => {
  const changes = [{ v: 2 }, { service: 7 }, { accept: 'root' }, { heardMs: null }, { identity: 0 }]
  for (const change of changes) t.is(readServicePosture(bytes({ ...held, ...change })), undefined)
  t.is(readServicePosture(Buffer.from('{')), undefined)
})

test('of an identity only what tells the service is kept', (t) => {
  const identity = { service: '/a', task: 'a.1', container: 'c', agent: 'x', labels: { a: 'b' } }
  t.deepEqual(serviceOnly({ ...identity, owner: 'o', version: '1' }), {
    service: '/a',
    owner: 'o',
    version: '1',
  })
})

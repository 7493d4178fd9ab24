import { join } from 'node:path'
import anyTest, { type TestFn } from 'ava'
import { sharedDir } from '../../helpers/shared.ts'
import { openRaml } from './raml.ts'
import { commonFields, lacks } from './shape.ts'

/** The comparers themselves: they find what is planted. */

const shared = sharedDir()
const test = (shared === undefined ? anyTest.skip : anyTest) as TestFn
const types = join(shared ?? '', 'fixtures', 'marathon', 'raml', 'v2', 'types')

anyTest('fields that all samples have are wanted, with their type', (t) => {
  const fields = commonFields(
    [
      { a: 1, b: 'x', c: [{ d: true, e: 1 }], n: null, labels: { k: 'v' } },
      { a: 2, b: 7, c: [{ d: false }], n: 1, labels: { k: 'v' } },
    ],
    ['labels'],
  )
  t.deepEqual(
    [...fields],
    [
      ['/a', 'number'],
      ['/c', 'array'],
      ['/c/[]', 'object'],
      ['/c/[]/d', 'boolean'],
      ['/labels', 'object'],
    ],
  )
  t.deepEqual(lacks({ a: 1, c: [], labels: {} }, fields), [])
  t.deepEqual(lacks({ a: '1', c: [{ d: true }, {}] }, fields), [
    'type /a',
    'missing /c/[]/d',
    'missing /labels',
  ])
  t.deepEqual(lacks({ a: 1, c: {}, labels: {} }, fields), ['type /c'])
})

test('the RAML is kept: nothing unknown, nothing missing, nothing of another type', (t) => {
  const raml = openRaml(types)
  const task = { appId: '/a', host: 'h', id: 'i', state: 'TASK_RUNNING', role: '*', ports: [1] }
  t.deepEqual(raml.faults(task, 'task.raml', 'Task'), [])
  const { role: _, ...without } = task
  t.deepEqual(raml.faults({ ...without, more: 1 }, 'task.raml', 'Task'), [
    'missing /role',
    'unknown /more',
  ])
  const wrong = { tasks: [{ ...task, state: 'RUNNING', host: 7, ipAddresses: {} }] }
  t.deepEqual(raml.faults(wrong, 'task.raml', 'TaskList'), [
    'type /tasks/[]/host',
    'type /tasks/[]/state',
    'type /tasks/[]/ipAddresses',
  ])
  t.throws(() => raml.faults({}, 'task.raml', 'Nothing'))
})

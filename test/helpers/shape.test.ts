import test from 'ava'
import { differences, shapeOf, unexplained } from './shape.ts'

test('keys that are always there, that never are, and kinds of values', (t) => {
  const real = shapeOf(['{"a": 1, "b": 2.0, "c": [{"x": "y"}]}', '{"a": 1, "c": []}'])
  const same = shapeOf(['{"a": 5, "b": 0.0, "c": []}'])
  t.deepEqual(differences(real, same), [])
  const other = shapeOf(['{"b": 2, "c": [{"x": null, "z": true}, {}], "d": 1}'])
  t.deepEqual(differences(real, other), [
    '.a lacks',
    '.b is int, not float',
    '.c[].x lacks',
    '.c[].x is null, not string',
    '.c[].z adds',
    '.d adds',
  ])
})

test('what real answers are silent about is not judged', (t) => {
  const real = shapeOf(['{"list": []}'])
  t.deepEqual(differences(real, shapeOf(['{"list": [{"x": 1}]}'])), [])
})

test('keys that are data become one', (t) => {
  const key = (path: string, name: string) => (path === '.of' ? '*' : name)
  const real = shapeOf(['{"of": {"rack": "r1", "zone": "z1"}}'], { key })
  t.deepEqual(differences(real, shapeOf(['{"of": {"row": "a"}}'], { key })), [])
  t.deepEqual(differences(real, shapeOf(['{"of": {"row": 1}}'], { key })), [
    '.of.* is int, not string',
  ])
})

test('an exception that nothing needs is told', (t) => {
  const exceptions = { '.a lacks': 'not here', '.z adds': 'stale' }
  t.deepEqual(unexplained(['.tasks[].a lacks', '.b adds'], exceptions), {
    lines: ['.b adds'],
    unused: ['.z adds'],
  })
})

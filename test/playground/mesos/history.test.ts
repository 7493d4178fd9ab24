import test from 'ava'
import { openHistory } from '../../../playground/mesos/history.ts'
import type { Task } from '../../../playground/mesos/model.ts'

const task = (id: string, framework = 'f') =>
  ({ spec: { id, framework: { id: framework } }, state: 'TASK_RUNNING' }) as unknown as Task

test('of the tasks that have ended the last ones of each framework stay, in the order of their start', (t) => {
  const history = openHistory(2)
  const all = ['a', 'b', 'c', 'd'].map((id) => task(id))
  const other = task('x', 'g')
  for (const one of [...all, other]) history.add(one)
  for (const one of [all[2]!, all[0]!, other, all[1]!]) {
    one.state = 'TASK_FINISHED'
    history.updated(one)
    history.updated(one)
  }
  t.deepEqual(
    history.all().map(({ spec }) => spec.id),
    ['a', 'b', 'd', 'x'],
  )
  t.is(history.latest('c'), undefined)
  t.is(history.latest('a'), all[0])
})

test('an id that is used again means the last task that had it', (t) => {
  const history = openHistory(1)
  const [first, second, third] = [task('a'), task('a'), task('b')]
  history.add(first)
  history.add(second)
  t.is(history.latest('a'), second)
  history.add(third)
  for (const one of [first, third]) {
    one.state = 'TASK_FAILED'
    history.updated(one)
  }
  t.deepEqual(history.all(), [second, third])
  t.is(history.latest('a'), second)
})

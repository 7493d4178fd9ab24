import test from 'ava'
import { eachOf, modelled, modelRemark, openModel } from '../../autoscaling/model.ts'
import { openStarts } from '../../autoscaling/starts.ts'
import { groupTasks } from '../../autoscaling/tasks.ts'
import {
  appOf,
  cpu,
  perTask,
  requests,
  requestsPerTask,
  second,
  service,
  t0,
  task,
  total,
} from './app.ts'

test('new instances are ready after their time, and while one starts a deployment is under way', (t) => {
  const model = openModel(appOf(2), t0, 30 * second)
  model.scale(5, t0)
  const at = (seconds: number) =>
    model.stateAt(appOf(2, { queue: { count: 1 } }), t0 + seconds * second)
  const early = at(29)
  t.like(early, { instances: 5, running: 2, healthy: 2, staged: 3, queue: undefined })
  t.deepEqual(early.deployments, [{ id: 'simulated', sinceMs: t0 }])
  t.is(groupTasks(early).unready.length, 3)
  const ready = at(30)
  t.like(ready, { instances: 5, running: 5, healthy: 5, staged: 0, deployments: [] })
  t.is(groupTasks(ready).ready.length, 5)
  t.deepEqual(
    ready.tasks.map(({ startedMs }) => startedMs === t0 + 30 * second),
    [false, false, true, true, true],
  )
  model.scale(8, t0 + 40 * second)
  model.scale(4, t0 + 41 * second)
  t.like(at(42), { instances: 4, running: 4, staged: 0 }, 'those that only start go first')
})

test('it begins with what is under way: an instance that was staged needs the rest of its time', (t) => {
  const tasks = [task('web.0'), { id: 'web.1', state: 'TASK_STAGING', stagedMs: t0 - 20 * second }]
  const model = openModel(appOf(1, { instances: 3, tasks }), t0, 30 * second)
  const readyAt = (seconds: number) => model.stateAt(appOf(1), t0 + seconds * second).running
  t.deepEqual([0, 9, 10, 29, 30].map(readyAt), [1, 1, 2, 2, 3])
  t.is(openModel(appOf(4, { tasks: [] }), t0, second).stateAt(appOf(4), t0).running, 4)
})

test('the load stays what it was: a total as a total, the work of tasks shared by those that are ready', (t) => {
  const recorded = appOf(2)
  const model = openModel(recorded, t0, 0)
  model.scale(4, t0)
  const state = model.stateAt(recorded, t0)
  const each = (reading: Parameters<typeof modelled>[0]) =>
    eachOf(modelled(reading, recorded, state), state)
  t.is(each(total(120)), 30)
  t.is(each(perTask([50, 70])), 30)
  t.is(each(perTask([0.8, 0.6], cpu)), 0.35)
  t.is(each(perTask([50, undefined])), 25, 'one that was not measured did as much as the other')
  t.is(each(perTask([80, 90], { ...cpu, measure: 'max' })), 85, 'nobody knows')
  t.is(each(perTask([])), undefined)
})

test('what a model cannot know is said', (t) => {
  t.is(modelRemark('requests', requests), undefined)
  t.is(modelRemark('requests', requestsPerTask), undefined)
  t.is(modelRemark('cpu', cpu), undefined)
  t.regex(modelRemark('slow', { ...cpu, measure: 'p99' }) ?? '', /slow is the p99 of each task/)
  t.regex(modelRemark('lag', { ...requests, measure: 'last' }) ?? '', /lag is the last of the serv/)
})

test('how long instances take to start is seen in the journal', (t) => {
  const starts = openStarts(service)
  const told = (seconds: number, ...tasks: ReturnType<typeof task>[]) =>
    starts.take({ kind: 'state', state: appOf(0, { atMs: t0 + seconds * second, tasks }) })
  const staged = (id: string, seconds: number) => task(id, { stagedMs: t0 + seconds * second })
  told(0, staged('old', -100), { ...staged('early', -5), healthy: false })
  told(20, staged('old', -100), staged('early', -5), staged('a', 10))
  told(50, staged('a', 10), staged('b', 20), { ...staged('c', 30), healthy: false })
  told(90, staged('a', 10), staged('b', 20), staged('c', 30))
  starts.take({ kind: 'state', state: appOf(1, { service: '/other', tasks: [staged('d', 80)] }) })
  t.is(starts.count(), 3, 'of those that were there before nobody saw it')
  t.is(starts.median(), 30 * second)
})

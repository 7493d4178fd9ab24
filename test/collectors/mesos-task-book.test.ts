import test from 'ava'
import { openTaskBook, type TaskBook } from '../../collectors/mesos-task-book.ts'
import { readTask, type MesosTask } from '../../collectors/mesos-tasks.ts'
import { partOf } from '../../collectors/answer.ts'
import type { Collected } from '../../collectors/sink.ts'

const t0 = Date.UTC(2026, 10, 22, 18)
const uuid = '25212c0c-e6a2-11f1-bdef-02fc00000001'

/** A task out of the form of v0; statuses as `[state, seconds after t0, container?, more?]`. */
type Step = [state: string, second: number, container?: string, more?: Record<string, unknown>]

function status([state, second, container, more]: Step) {
  return {
    state,
    timestamp: t0 / 1000 + second,
    ...(container ? { container_status: { container_id: { value: container } } } : {}),
    ...more,
  }
}

function task(id: string, steps: Step[], fields: Record<string, unknown> = {}): MesosTask {
  const statuses = steps.map(status)
  const raw = { id, name: 'job', framework_id: 'f', slave_id: 'a', statuses, ...fields }
  return readTask(partOf({ state: steps.at(-1)?.[0], ...raw }, []) as never) as MesosTask
}

function update(id: string, step: Step, state: string) {
  const [status_] = task(id, [step]).statuses
  return { id, framework: 'f', agent: 'a', state, ...(status_ ? { status: status_ } : {}) }
}

/** A book whose positions outlive it. */
function openLife(stored = new Map<string, unknown>()) {
  const sink = {
    position: (key: string) => stored.get(key),
    positions: (prefix: string) => [...stored.keys()].filter((key) => key.startsWith(prefix)),
  }
  const around = () => ({ cluster: 'test', agent: 'agent-1', framework: 'chronos' })
  const book: TaskBook = openTaskBook({ name: 'mesos-master', sink, around })
  const keep = (batch: Collected) => {
    for (const [key, position] of Object.entries(batch.positions ?? {})) {
      if (position === null) stored.delete(key)
      else stored.set(key, JSON.parse(JSON.stringify(position)))
    }
    return batch
  }
  const at = (second: number) => t0 + second * 1000
  return {
    stored,
    list: (tasks: MesosTask[], second: number, patient = false) =>
      keep(book.list(tasks, { nowMs: at(second), patient, complete: true })),
    added: (one: MesosTask, second: number) => keep(book.added(one, at(second))),
    updated: (id: string, step: Step, state = step[0]) =>
      keep(book.updated(update(id, step, state), at(step[1]))),
  }
}

const told = ({ changes = [] }: Collected) =>
  changes.map((change) => `${change['mesos.task.id'] as string} ${change['event.action']}`)

test('the life of a task by events: each state once, its identity when there is more of it', (t) => {
  const life = openLife()
  const added = life.added(task(`shop_web.${uuid}`, [], { state: 'TASK_STAGING' }), 0)
  t.deepEqual(told(added), [])
  t.deepEqual(added.tasks, [
    {
      cluster: 'test',
      service: '/shop/web',
      task: `shop_web.${uuid}`,
      agent: 'agent-1',
      framework: 'f',
    },
  ])
  const running = life.updated(`shop_web.${uuid}`, ['TASK_RUNNING', 5, 'c1'])
  t.deepEqual(told(running), [`shop_web.${uuid} TASK_RUNNING`])
  t.is(running.tasks?.[0]?.container, 'c1')
  // By its container too, from now on.
  const since = '2026-11-22T18:00:05.000000000Z'
  const ofContainer = running.identities ?? []
  t.deepEqual([added.identities, running.tasks], [[], ofContainer.map((of) => ({ ...of, since }))])
  t.deepEqual(life.updated(`shop_web.${uuid}`, ['TASK_RUNNING', 5, 'c1']), {
    changes: [],
    tasks: [],
    identities: [],
  })
  const failed = life.updated(`shop_web.${uuid}`, [
    'TASK_FAILED',
    65,
    'c1',
    {
      message: 'Command exited with status 3',
      reason: 'REASON_COMMAND_EXECUTOR_FAILED',
      source: 'SOURCE_EXECUTOR',
    },
  ])
  t.deepEqual(failed.changes, [
    {
      '@timestamp': '2026-11-22T18:01:05.000000000Z',
      'event.id': `change:status:mesos:f:shop_web.${uuid}:TASK_FAILED:1795370465000000000`,
      'event.kind': 'status',
      'event.action': 'TASK_FAILED',
      'event.provider': 'mesos',
      message: `shop_web.${uuid} is TASK_FAILED: Command exited with status 3, REASON_COMMAND_EXECUTOR_FAILED`,
      'task.state': 'TASK_FAILED',
      'task.reason': 'REASON_COMMAND_EXECUTOR_FAILED',
      'task.message': 'Command exited with status 3',
      'task.source': 'SOURCE_EXECUTOR',
      'task.uptime_seconds': 60,
      'process.exit_code': 3,
      'orchestrator.cluster.name': 'test',
      'service.name': '/shop/web',
      'mesos.task.id': `shop_web.${uuid}`,
      'container.id': 'c1',
      'host.name': 'agent-1',
      'mesos.framework.id': 'f',
    },
  ])
  t.deepEqual(failed.tasks, [])
})

test('a restart tells nothing twice, and what happened meanwhile', (t) => {
  const first = openLife()
  const before = [
    task('a.1', [['TASK_RUNNING', 1, 'c1']]),
    task('b.1', [['TASK_RUNNING', 2, 'c2']]),
  ]
  t.deepEqual(told(first.list(before, 10)), ['a.1 TASK_RUNNING', 'b.1 TASK_RUNNING'])
  const second = openLife(first.stored)
  const after = [
    before[0] as MesosTask,
    task('b.1', [
      ['TASK_RUNNING', 2, 'c2'],
      ['TASK_FAILED', 20, 'c2'],
    ]),
  ]
  const batch = second.list(after, 30)
  t.deepEqual(told(batch), ['b.1 TASK_FAILED'])
  t.is(batch.changes?.[0]?.['task.uptime_seconds'], 18)
  t.deepEqual(told(second.list(after, 40)), [])
})

test('the first start takes the ring of ended tasks for history, but for its last hour', (t) => {
  const life = openLife()
  const day = 86_400
  const all = [
    task('old.1', [['TASK_FAILED', -day]]),
    task('runs.1', [['TASK_RUNNING', -day, 'c']]),
    task('new.1', [['TASK_FAILED', -60]]),
  ]
  const batch = life.list(all, 0)
  t.deepEqual(told(batch), ['new.1 TASK_FAILED'])
  t.is(batch.tasks?.length, 3, 'all are identified')
  const ended = life.updated('runs.1', ['TASK_FINISHED', 10, 'c'])
  t.is(ended.changes?.[0]?.['task.uptime_seconds'], day + 10)
  t.deepEqual(told(openLife(life.stored).list(all, 100)), [])
})

test('history is what was before the first start, not what is told late in its course', (t) => {
  const life = openLife()
  life.list([task('runs.1', [['TASK_RUNNING', -60, 'c']])], 0)
  const day = 86_400
  const cutOff: Step[] = [
    ['TASK_RUNNING', -60, 'c'],
    ['TASK_FAILED', 100, 'c'],
  ]
  // Its agent was cut off for a day, and now tells of what happened meanwhile.
  t.deepEqual(told(life.list([task('runs.1', cutOff)], day)), ['runs.1 TASK_FAILED'])
})

test('a task ends once, whatever becomes of its framework', (t) => {
  const steps: Step[] = [
    ['TASK_FINISHED', 5, 'c'],
    ['TASK_KILLED', 6, undefined, { reason: 'REASON_FRAMEWORK_REMOVED' }],
  ]
  t.deepEqual(told(openLife().list([task('a.1', steps)], 10)), ['a.1 TASK_FINISHED'])
  const life = openLife()
  t.deepEqual(told(life.updated('a.1', steps[0] as Step)), ['a.1 TASK_FINISHED'])
  t.deepEqual(told(life.updated('a.1', steps[1] as Step)), [])
  t.deepEqual(told(life.list([task('a.1', steps)], 10)), [])
})

test('ids that are used again: every end is told, the last run is the identity', (t) => {
  const life = openLife()
  const runs = Array.from({ length: 100 }, (_, i) =>
    // A launch that fails tells no container.
    task('storm.1', [['TASK_FAILED', i * 10, i % 2 ? `c${i}` : undefined]]),
  )
  const batch = life.list(runs.toReversed(), 1000)
  t.is(told(batch).length, 100)
  const newest = ['c93', 'c95', 'c97', 'c99']
  const lives = batch.tasks?.filter(({ container }) => container !== undefined)
  t.deepEqual(
    lives?.map(({ container }) => container),
    newest,
    'eight lives, the last one last',
  )
  t.is(batch.tasks?.at(-1)?.container, 'c99')
  t.is(batch.tasks?.length, 8)
  t.deepEqual(life.list(runs, 1010), {
    changes: [],
    tasks: [],
    identities: [],
    positions: {},
  })
  t.deepEqual(told(openLife(life.stored).list(runs, 1020)), [])
  life.added(task('storm.1', [], { state: 'TASK_STAGING' }), 2000)
  t.deepEqual(told(life.updated('storm.1', ['TASK_FAILED', 2001])), ['storm.1 TASK_FAILED'])
})

test('a task that was unreachable comes back', (t) => {
  const life = openLife()
  life.updated('a.1', ['TASK_RUNNING', 1, 'c'])
  t.deepEqual(told(life.updated('a.1', ['TASK_UNREACHABLE', 100])), ['a.1 TASK_UNREACHABLE'])
  t.deepEqual(told(life.updated('a.1', ['TASK_RUNNING', 200, 'c'])), ['a.1 TASK_RUNNING'])
  const failed = life.updated('a.1', ['TASK_FAILED', 301, 'c'])
  t.is(failed.changes?.[0]?.['task.uptime_seconds'], 300, 'it ran all the time')
})

test('a status of an older state than the task has is told with its own', (t) => {
  const life = openLife()
  const late = life.updated('a.1', ['TASK_STARTING', 1, 'c'], 'TASK_RUNNING')
  t.deepEqual(told(late), ['a.1 TASK_STARTING'])
  t.deepEqual(told(life.updated('a.1', ['TASK_RUNNING', 2, 'c'])), ['a.1 TASK_RUNNING'])
})

test('health checks of Mesos: a state that is told anew is no new state', (t) => {
  const life = openLife()
  const check = (second: number, healthy: boolean) =>
    told(life.updated('a.1', ['TASK_RUNNING', second, 'c', { healthy }]))
  t.deepEqual(check(1, true), ['a.1 TASK_RUNNING'])
  t.deepEqual(check(2, true), [])
  t.deepEqual(check(3, false), ['a.1 unhealthy'])
  t.deepEqual(check(4, true), ['a.1 healthy'])
  for (let second = 5; second < 100; second++) check(second, second % 2 === 0)
  const failed = life.updated('a.1', ['TASK_FAILED', 101, 'c'])
  t.is(failed.changes?.[0]?.['task.uptime_seconds'], 100)
  life.updated(`web.${uuid}`, ['TASK_RUNNING', 1, 'c', { healthy: true }])
  const flip = life.updated(`web.${uuid}`, ['TASK_RUNNING', 2, 'c', { healthy: false }])
  t.deepEqual(told(flip), [], 'Marathon tells it')
})

test('while events come, a list is given time: they tell the reason', (t) => {
  const life = openLife()
  const listed = [task('a.1', [['TASK_FAILED', 1]])]
  t.deepEqual(told(life.list(listed, 2, true)), [])
  t.deepEqual(told(life.list(listed, 32, true)), ['a.1 TASK_FAILED'], 'no event told it')
  const other = [...listed, task('b.1', [['TASK_FAILED', 33]])]
  t.deepEqual(told(life.list(other, 34, true)), [])
  const event = life.updated('b.1', ['TASK_FAILED', 33, undefined, { message: 'why' }])
  t.is(event.changes?.[0]?.['task.message'], 'why')
  t.deepEqual(told(life.list(other, 64, true)), [])
})

test('a list that is older than an event takes nothing back', (t) => {
  const life = openLife()
  life.added(task('a.1', []), 0)
  life.updated('a.1', ['TASK_RUNNING', 1, 'c'])
  life.updated('a.1', ['TASK_FAILED', 5, 'c', { message: 'why' }])
  t.deepEqual(life.list([task('a.1', [['TASK_RUNNING', 1, 'c']])], 6), {
    changes: [],
    tasks: [],
    identities: [],
    positions: {},
  })
  t.deepEqual(life.updated('a.1', ['TASK_FAILED', 5, 'c']), {
    changes: [],
    tasks: [],
    identities: [],
  })
})

test('tasks that no list shows any more are forgotten after a while, but not for an empty list', (t) => {
  const life = openLife()
  life.list([task('a.1', [['TASK_RUNNING', 1]])], 2)
  const other = [task('b.1', [['TASK_RUNNING', 3]])]
  life.list(other, 10)
  life.list([], 2000)
  t.is(life.stored.size, 2)
  life.list(other, 2000)
  t.deepEqual([...life.stored.keys()], ['mesos-master:task:f:b.1'])
  const next = openLife(life.stored)
  next.list([task('c.1', [['TASK_RUNNING', 2001]])], 2002)
  t.is(next.stored.size, 2)
  next.list([task('c.1', [['TASK_RUNNING', 2001]])], 3000)
  t.deepEqual([...next.stored.keys()], ['mesos-master:task:f:c.1'])
})

test('stored positions that are damaged count as none', (t) => {
  for (const damaged of [7, {}, { told: 'x' }, { told: [1, '', 'TASK_RUNNING@x'], upTo: 5 }]) {
    const life = openLife(new Map([['mesos-master:task:f:a.1', damaged]]))
    t.deepEqual(told(life.list([task('a.1', [['TASK_RUNNING', 1]])], 2)), ['a.1 TASK_RUNNING'])
  }
})

import test from 'ava'
import type { MarathonApp } from '../../collectors/marathon-apps.ts'
import { openMarathonMemory } from '../../collectors/marathon-memory.ts'
import { openStatuses } from '../../collectors/marathon-statuses.ts'

const t0 = Date.UTC(2026, 10, 27, 12)

function open() {
  const memory = openMarathonMemory('marathon', {
    positions: () => [],
    position: () => undefined,
    append: () => Promise.resolve(),
  })
  memory.service('/web')
  return openStatuses({ memory, identityOf: (service, { id }) => ({ service, task: id }) })
}

const failed = (task: string, timeMs: number) =>
  ({ service: '/web', task, state: 'TASK_FAILED', timeMs }) as const

const appWith = (task: string, timeMs: number): MarathonApp => ({
  id: '/web',
  kind: 'app',
  labels: new Map(),
  env: {},
  resident: false,
  hasChecks: false,
  failure: { ...failed(task, timeMs) },
})

test('a failure that an answer shows and no event tells is named once, after a while', (t) => {
  const statuses = open()
  t.is(statuses.failure(appWith('web.1', t0), t0 + 100).length, 1)
  t.deepEqual(statuses.unheard(t0 + 5000), [], 'its event may still come')
  t.deepEqual(
    statuses.unheard(t0 + 10_100).map((change) => change['mesos.task.id']),
    ['web.1'],
  )
  t.deepEqual(statuses.unheard(t0 + 20_000), [])
})

test('an event that comes after the answer was not missed', (t) => {
  const statuses = open()
  t.is(statuses.failure(appWith('web.1', t0), t0 + 100).length, 1)
  t.deepEqual(
    statuses.event({ kind: 'status', ...failed('web.1', t0) }, { id: 'web.1' }),
    [],
    'it was told',
  )
  t.deepEqual(statuses.unheard(t0 + 60_000), [])
})

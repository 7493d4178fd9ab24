import test from 'ava'
import fc from 'fast-check'
import type { ChangeDoc } from '../../../pipeline/event.ts'
import type { Identity } from '../../../pipeline/identity.ts'
import {
  addPiece,
  distance,
  isEnough,
  openDeath,
  type Context,
  type Death,
} from '../../../processors/deaths/death.ts'
import { docOf, toldIn } from '../../../processors/deaths/doc.ts'
import { readPiece, readStart, type Piece } from '../../../processors/deaths/piece.ts'
import { at, died, ofDocker, started, status, task } from './told.ts'

const pieceIn = (doc: ChangeDoc) => readPiece(doc) as Piece

function deathOf(docs: ChangeDoc[], context: Context = {}): Death {
  const pieces = docs.map(pieceIn)
  const death = pieces.reduce(addPiece, openDeath(pieces[0] as Piece))
  return { ...death, context: { ...death.context, ...context } }
}

const made = (docs: ChangeDoc[], context?: Context) => {
  const death = deathOf(docs, context)
  return docOf(death, death.identity)
}

const memoryLimit = { reason: 'REASON_CONTAINER_LIMITATION_MEMORY' }
const plain: Identity = { service: '/db', task: 'db-1', container: 'c9', containerName: 'db-1' }
const web = '/shop/web task 8c1f25aa…'

interface Case {
  told: ChangeDoc[]
  context?: Context
  action: string
  message: string
  also?: Record<string, unknown>
}

const cases: Record<string, Case> = {
  'out of memory, by Docker alone': {
    told: [died({ code: 137, oom: true })],
    context: { memoryLimit: 128 * 2 ** 20, memoryUsage: 127 * 2 ** 20, uptimeSeconds: 190 },
    action: 'died',
    message: `${web} died: out of memory (exit code 137, limit 128 MiB), after 3 min`,
    also: { 'container.oom_killed': true, 'process.exit_code': 137 },
  },
  'out of memory, by Mesos alone': {
    told: [status('TASK_FAILED', { ...memoryLimit, message: 'Memory limit exceeded: …' })],
    action: 'died',
    message: `${web} died: out of memory`,
    also: { 'container.oom_killed': true, 'task.reason': memoryLimit.reason },
  },
  'out of memory, though Marathon then killed what was left': {
    told: [died({ code: 137, oom: true }), status('TASK_KILLED')],
    action: 'died',
    message: `${web} died: out of memory (exit code 137)`,
    also: { 'task.state': 'TASK_KILLED', 'container.oom_killed': true },
  },
  'a child killed for memory, while the task ended well': {
    told: [died({ code: 0, oom: true }), status('TASK_FINISHED')],
    action: 'finished',
    message: `${web} finished (a process in it, not its main one, was killed for memory)`,
    also: { 'container.oom_killed': undefined, 'container.oom_killed_child': true },
  },
  'a deployment or scale-down': {
    told: [died({ code: 143 }), status('TASK_KILLED', { message: 'Container killed' })],
    context: { uptimeSeconds: 90_000 },
    action: 'killed',
    message: `${web} was killed on request, after 25 h`,
  },
  'killed by Mesos for its health checks: nobody asked for it': {
    told: [died({ code: 143 }), status('TASK_KILLED', { healthy: false })],
    action: 'died',
    message: `${web} died: killed for failing health checks (exit code 143)`,
    also: { 'task.unhealthy': '', 'task.state': 'TASK_KILLED' },
  },
  'killed on request while it was healthy': {
    told: [status('TASK_KILLED', { healthy: true })],
    action: 'killed',
    message: `${web} was killed on request`,
    also: { 'task.unhealthy': undefined },
  },
  'a failure with what Mesos says': {
    told: [died({ code: 1 }), status('TASK_FAILED', { message: 'Container exited with status 1' })],
    action: 'died',
    message: `${web} died: exit code 1`,
    also: { 'task.told_by': ['docker', 'mesos'] },
  },
  'a signal': {
    told: [died({ code: 139 }), status('TASK_FAILED')],
    action: 'died',
    message: `${web} died: exit code 139 (signal 11)`,
  },
  'a task without Docker: the exit code is in the sentence': {
    told: [status('TASK_FAILED', { message: 'Command exited with status 3' })],
    action: 'died',
    message: `${web} died: exit code 3`,
    also: { 'process.exit_code': 3 },
  },
  'a task without Docker that was killed by a signal': {
    told: [status('TASK_FAILED', { message: 'Command terminated with signal Killed' })],
    action: 'died',
    message: `${web} died: exit code 137 (signal 9)`,
  },
  'what other programs exited with is not its exit code': {
    told: [status('TASK_FAILED', { message: 'Failed to launch: exited with status 1' })],
    action: 'died',
    message: `${web} died: TASK_FAILED (Failed to launch: exited with status 1)`,
    also: { 'process.exit_code': undefined },
  },
  'Marathon tells the code and no sentence, Mesos for how long it ran': {
    told: [
      { ...status('TASK_FAILED', { provider: 'marathon' }), 'process.exit_code': 4 },
      { ...status('TASK_FAILED'), 'task.uptime_seconds': 30 },
    ],
    action: 'died',
    message: `${web} died: exit code 4, after 30 s`,
  },
  'lost with its agent': {
    told: [status('TASK_LOST', { message: 'Agent localhost removed: the agent unregistered' })],
    action: 'died',
    message: `${web} died: TASK_LOST (Agent localhost removed: the agent unregistered)`,
  },
  'refused by Mesos': {
    told: [status('TASK_ERROR', { reason: 'REASON_TASK_INVALID' })],
    action: 'died',
    message: `${web} died: TASK_ERROR (REASON_TASK_INVALID)`,
  },
  gone: { told: [status('TASK_GONE')], action: 'died', message: `${web} died: TASK_GONE` },
  'lost, and then known to have failed': {
    told: [status('TASK_LOST', { ms: at + 5000 }), status('TASK_FAILED', { ms: at + 1000 })],
    action: 'died',
    message: `${web} died: TASK_FAILED`,
  },
  'Marathon was told less than Mesos': {
    told: [
      status('TASK_FAILED', { provider: 'marathon', ms: at, message: 'from Marathon' }),
      status('TASK_FAILED', { ...memoryLimit }),
    ],
    action: 'died',
    message: `${web} died: out of memory`,
    also: { 'task.message': 'from Marathon', 'task.told_by': ['marathon', 'mesos'] },
  },
  'told again by reconciliation: the first word has the cause': {
    told: [
      status('TASK_FAILED', { ...memoryLimit }),
      status('TASK_FAILED', { ms: at + 30_000, reason: 'REASON_RECONCILIATION' }),
    ],
    action: 'died',
    message: `${web} died: out of memory`,
  },
  'a container that is no task of Mesos': {
    told: [died({ code: 1, identity: plain })],
    action: 'died',
    message: '/db task db-1 died: exit code 1',
  },
  'one that ended well': {
    told: [died({ code: 0, identity: plain })],
    action: 'finished',
    message: '/db task db-1 finished',
  },
  'one that was taken away before it could be asked': {
    told: [died({ identity: plain })],
    action: 'died',
    message: '/db task db-1 died: exit code not known',
  },
  'a container of which nothing is known': {
    told: [died({ code: 2, identity: { container: 'c'.repeat(64) } })],
    action: 'died',
    message: `task ${'c'.repeat(40)}… died: exit code 2`,
  },
}

for (const [sentence, { told, context, action, message, also = {} }] of Object.entries(cases)) {
  test(sentence, (t) => {
    const doc = made(told, context)
    t.is(doc['event.action'], action)
    t.is(doc.message, message)
    for (const [field, value] of Object.entries(also)) t.deepEqual(doc[field], value, field)

    const back = toldIn(JSON.parse(JSON.stringify(doc)) as ChangeDoc)
    t.deepEqual(back && docOf(back.death, back.death.identity), doc, 'read back it is the same')
    t.is(back?.text, JSON.stringify(doc))
  })
}

test('whatever the order, and whatever comes twice, it ends the same', (t) => {
  const docs = [
    died({ code: 137, oom: true }),
    status('TASK_LOST', { ms: at + 100 }),
    status('TASK_FAILED', { ...memoryLimit, message: 'Memory limit exceeded' }),
    status('TASK_FAILED', { provider: 'marathon', ms: at + 700, message: 'Memory' }),
  ]
  const { message } = made(docs)
  const expected = { ...made(docs), '@timestamp': '', 'event.id': '' }
  const orders = fc.shuffledSubarray([...docs, ...docs], { minLength: 8 })
  fc.assert(
    fc.property(orders, (order) => {
      const doc = made(order)
      t.deepEqual({ ...doc, '@timestamp': '', 'event.id': '' }, expected)
      t.is(doc.message, message)
      t.is(doc['@timestamp'], (order[0] as ChangeDoc)['@timestamp'])
    }),
  )
})

test('Docker waits for Mesos, unless it knows enough', (t) => {
  t.false(isEnough(deathOf([died({ code: 137 })])))
  t.false(isEnough(deathOf([died({ code: 0, oom: true })])))
  t.true(isEnough(deathOf([died({ code: 137, oom: true })])))
  t.true(isEnough(deathOf([died({ code: 1, identity: plain })])))
  t.true(isEnough(deathOf([status('TASK_FAILED')])))
  const named = { ...plain, task: 'chronos.1' }
  t.false(isEnough(deathOf([died({ code: 1, identity: named })])), 'a task of another framework')
})

test('which pieces belong together', (t) => {
  const death = deathOf([died({ code: 1 })])
  t.is(distance(death, pieceIn(status('TASK_FAILED', { ms: at + 200 }))), 200)
  t.is(distance(death, pieceIn(status('TASK_FAILED', { ms: at - 60_000 }))), 60_000)
  t.is(distance(death, pieceIn(status('TASK_FAILED', { ms: at + 60_001 }))), undefined)
  t.is(distance(death, pieceIn(died({ code: 1 }))), 0)
  t.is(distance(death, pieceIn(died({ ms: at + 1 }))), undefined, 'it was started again')
  const other = { ...ofDocker, task: 'other' }
  t.is(distance(death, pieceIn(died({ identity: other }))), undefined)
})

test('an id that is used again is that of another task, however soon it ends', (t) => {
  const uuid = (n: number) => `25212c0c-e6a2-11f1-bdef-02fc0000000${n}`
  const of = (identity: Identity) =>
    pieceIn(status('TASK_FAILED', { ms: at + 200, identity: { task, ...identity } }))
  const death = deathOf([died({ code: 1 })])
  t.is(distance(death, of({ containerName: `mesos-${uuid(1)}` })), 200)
  t.is(distance(death, of({ containerName: `mesos-S0.${uuid(1)}` })), 200, 'the name of old Mesos')
  t.is(distance(death, of({ container: uuid(1) })), 200, 'before Mesos told that it is of Docker')
  t.is(distance(death, of({ containerName: `mesos-${uuid(2)}` })), undefined)
  t.is(distance(death, of({ containerName: `mesos-S0.${uuid(2)}.executor` })), undefined)
  const mesos = deathOf([status('TASK_FAILED', { identity: { task, framework: 'f1' } })])
  t.is(distance(mesos, of({ framework: 'f1' })), 0)
  t.is(distance(mesos, of({ framework: 'f2' })), undefined, 'of another framework')
})

test('the identity of Docker holds, that of others fills it', (t) => {
  const doc = made([status('TASK_FAILED'), died({ code: 1 })])
  t.like(doc, {
    'service.name': '/shop/web',
    'mesos.task.id': task,
    'service.version': 'v7',
    'mesos.framework.id': 'f1',
    'event.id': `change:task:${task}:${at + 200}`,
  })
})

test('what tells of no end is no piece, whatever it holds', (t) => {
  const name = 'mesos-S0.25212c0c-e6a2-11f1-bdef-02fc00000001.executor'
  const executor = { service: name, task: name, containerName: name, container: 'c8' }
  const none: Record<string, unknown>[] = [
    {},
    started(),
    status('TASK_RUNNING'),
    status('TASK_UNREACHABLE'),
    died({ code: 0, identity: executor }),
    { ...died(), '@timestamp': 'yesterday' },
    { ...died(), '@timestamp': 5 },
    { ...died(), 'mesos.task.id': 7, 'container.id': null },
    { ...status('TASK_FAILED'), 'event.kind': 'task' },
    { ...status('TASK_FAILED'), 'task.state': { evil: true }, 'event.action': [] },
  ]
  for (const doc of none) t.is(readPiece(doc), undefined)
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.anything()), (doc) => {
      readPiece({ ...died(), ...doc })
      readStart({ ...started(), ...doc })
      toldIn({ ...made([died()]), ...doc })
    }),
  )
})

test('hostile texts are bounded, and stay text', (t) => {
  const evil = `<b>\u001b[31m\n${'x'.repeat(100_000)}`
  const doc = made([status('TASK_LOST', { message: evil })])
  t.true(String(doc['task.message']).length <= 1000)
  t.true(doc.message.length < 1200)
})

test('when a task began', (t) => {
  t.like(readStart(started()), { name: task, ofContainer: true })
  t.like(readStart(status('TASK_RUNNING')), { name: task, ofContainer: false })
  t.is(readStart(died()), undefined)
})

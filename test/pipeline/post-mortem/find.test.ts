import test, { type ExecutionContext } from 'ava'
import { msToIso, type ChangeDoc } from '../../../pipeline/event.ts'
import { identityToEcs, type Identity } from '../../../pipeline/identity.ts'
import { findPostMortem } from '../../../pipeline/post-mortem/find.ts'
import { signalName } from '../../../pipeline/post-mortem/signal.ts'
import { rowsOfPostMortem } from '../../../pipeline/post-mortem/words.ts'
import { openInstance } from '../../dashboards/shop.ts'
import { openStore } from '../../helpers/pipeline.ts'

const now = Date.UTC(2026, 10, 22, 18, 30)
const minute = 60_000
const service = '/shop/web'
const taskOf = (uuid: string) => `shop_web.instance-${uuid}-e6a2-11f1-bdef-02fc00000001._app.1`
const first = taskOf('8c1f25aa')
const second = taskOf('8c1f99bb')
const container = (letter: string) => letter.repeat(64)

function end(task: string, atMs: number, more: Record<string, unknown> = {}): ChangeDoc {
  return {
    '@timestamp': msToIso(atMs),
    'event.id': `change:task:${task}:${atMs}`,
    'event.kind': 'task',
    'event.action': 'died',
    message: `${service} task died`,
    ...more,
    ...identityToEcs({ service, task, container: container(task === first ? 'a' : 'b') }),
  }
}

function deployment(action: string, atMs: number, message: string, of: Identity): ChangeDoc {
  return {
    '@timestamp': msToIso(atMs),
    'event.id': `change:deployment:${of.deployment ?? 'version'}:${action}:${atMs}`,
    'event.kind': 'deployment',
    'event.action': action,
    message,
    ...identityToEcs({ service, ...of }),
  }
}

const oom = {
  'process.exit_code': 137,
  'container.oom_killed': true,
  'container.memory.limit': 128 * 2 ** 20,
  'container.memory.usage': 127 * 2 ** 20,
  'task.state': 'TASK_FAILED',
  'task.reason': 'REASON_CONTAINER_LIMITATION_MEMORY',
  'task.message': 'Memory limit exceeded',
  'task.uptime_seconds': 190,
  'task.told_by': ['docker', 'marathon', 'mesos'],
}

async function scene(t: ExecutionContext) {
  const store = await openStore(t)
  const began = now - 5 * minute
  await store.putDocs('changes', [
    deployment('started', now - 60 * minute, 'an older one', { deployment: 'd0' }),
    deployment('started', began, 'deployment d1 started', { deployment: 'd1' }),
    deployment('configured', began + 3, 'memory changed', {}),
    deployment('succeeded', began + minute, 'deployment d1 succeeded', { deployment: 'd1' }),
    deployment('started', now + minute, 'a later one', { deployment: 'd2' }),
    end(second, now - 20 * minute),
    end(second, now - 4 * minute),
    end(taskOf('77777777'), now - minute, { 'event.action': 'killed' }),
    end(first, now, oom),
  ])
  const instance = openInstance(service, first, container('a'))
  const lines = Array.from({ length: 120 }, (_, n) => ['info', `line ${n}`] as const)
  await store.appendLogs([instance.write(now - 1000, lines)])
  return store
}

test('a death is told with all that is known of it', async (t) => {
  const { postMortem } = await findPostMortem(await scene(t), first)
  t.like(postMortem, {
    ending: 'died',
    planned: false,
    exitCode: 137,
    signal: 'SIGKILL',
    outOfMemory: true,
    memoryLimit: 128 * 2 ** 20,
    reason: 'REASON_CONTAINER_LIMITATION_MEMORY',
    says: 'Memory limit exceeded',
    nthDeath: 2,
  })
  t.deepEqual(postMortem?.deployment, {
    id: 'd1',
    atMs: now - 5 * minute,
    beforeMs: 5 * minute,
    action: 'succeeded',
    changed: ['memory changed'],
  })
  t.is(postMortem?.lines.length, 100)
  t.is(postMortem?.lines[0]?.message, 'line 20')
  t.is(postMortem?.lines.at(-1)?.message, 'line 119')
  const rows = postMortem && new Map(rowsOfPostMortem(postMortem))
  t.is(rows?.get('Exit code'), '137 (SIGKILL)')
  t.is(rows?.get('Death'), 'number 2 of the service within 10 minutes')
  t.is(rows?.get('Deployment'), 'd1, begun 5 min before, succeeded: memory changed')
})

test('a task is found by the beginning, the ending and a part of its id, or by its container', async (t) => {
  const store = await scene(t)
  for (const name of [
    first.slice(0, 28),
    '8c1f25aa',
    'instance-8c1f25',
    '25aa-e6a2-11f1-bdef-02fc00000001._app.1',
    'aaaaaaaaaaaa',
  ]) {
    const { postMortem } = await findPostMortem(store, name)
    t.is(postMortem?.identity.task, first, name)
  }
})

test('several are listed, each once; none are none; wildcards are refused', async (t) => {
  const store = await scene(t)
  const several = await findPostMortem(store, '8c1f')
  t.is(several.postMortem, undefined)
  t.deepEqual(
    several.matches.map(({ task, atMs }) => [task, atMs]),
    [
      [first, now],
      [second, now - 4 * minute],
    ],
  )
  t.deepEqual(await findPostMortem(store, 'c1f25'), { matches: [] })
  await t.throwsAsync(findPostMortem(store, '.*)|('), { message: /is no id of a task/ })
})

test('what was asked for is no death', async (t) => {
  const { postMortem } = await findPostMortem(await scene(t), '77777777')
  t.like(postMortem, { ending: 'killed', planned: true, nthDeath: undefined })
})

test('an exit code names its signal', (t) => {
  const codes = [undefined, 0, 1, 128, 129, 137, 139, 143, 165, 255]
  t.deepEqual(codes.map(signalName), [
    undefined,
    undefined,
    undefined,
    undefined,
    'SIGHUP',
    'SIGKILL',
    'SIGSEGV',
    'SIGTERM',
    'signal 37',
    undefined,
  ])
})

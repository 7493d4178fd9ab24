import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { msToIso, type ChangeDoc } from '../../pipeline/event.ts'
import { identityToEcs } from '../../pipeline/identity.ts'
import { openSqliteStore } from '../../pipeline/store/sqlite.ts'
import type { StoredDoc } from '../../pipeline/store/store.ts'
import { open } from '../dashboards/open.ts'
import { openInstance } from '../dashboards/shop.ts'
import { directory, leaveAddress, now, openTerminal } from './terminal.ts'

function change(kind: ChangeDoc['event.kind'], task: string, atMs: number, action = 'died') {
  return {
    '@timestamp': msToIso(atMs),
    'event.id': `change:${kind}:${task}:${atMs}`,
    'event.kind': kind,
    'event.action': action,
    message: `${task} ${action} \u001b[2J`,
    'process.exit_code': 137,
    'container.oom_killed': true,
    ...identityToEcs({ service: '/shop/web', task, version: '7' }),
  } satisfies ChangeDoc
}

const docs: StoredDoc[] = [
  change('task', 'web.a1', now - 60_000),
  change('task', 'web.a2', now - 30_000),
  change('container', 'web.a2', now - 31_000),
  change('status', 'web.b3', now - 20_000, 'TASK_RUNNING'),
  change('health', 'web.b3', now - 10_000, 'unhealthy'),
]

/** Of an ended process, and of a running one. */
async function both(t: ExecutionContext) {
  const record = openInstance('/shop/web', 'web.a1', 'a'.repeat(64))
  const lines = record.write(now - 61_000, [['info', 'its last \u001b[2J word']])
  const ended = directory(t)
  const store = openSqliteStore({ dir: join(ended, 'store') })
  await store.putDocs('changes', docs)
  await store.appendLogs([lines])
  await store.close()
  const { url, store: other } = await open(t, { clock: openTerminal().io.clock })
  await other.putDocs('changes', docs)
  await other.appendLogs([lines])
  const running = directory(t)
  leaveAddress(running, { url })
  return [ended, running]
}

test('task why tells one end, lists several, finds none', async (t) => {
  for (const dir of await both(t)) {
    const { run } = openTerminal()
    const why = (id: string, ...more: string[]) =>
      run('task', 'why', id, '--utc', '--data', dir, ...more)
    const one = await why('web.a1')
    t.is(one.code, 0)
    t.regex(one.out, /^web\.a1 died \\x1b\[2J\n2026-11-22 18:29:00\.000Z\n/)
    t.regex(one.out, /\nExit code +137 \(SIGKILL\)\nOut of memory +yes\n/)
    t.regex(one.out, /\nThe last 1 lines\n2026-11-22 18:28:59\.000Z its last \\x1b\[2J word\n$/)
    t.like(JSON.parse((await why('web.a1', '--json')).out), { exitCode: 137, nthDeath: 1 })
    const several = await why('web.a')
    t.is(several.code, 2)
    t.regex(several.out, /^TIME .*\n.* web\.a2 .*\n.* web\.a1 /)
    t.regex(several.err, /can mean 2 tasks/)
    const none = await why('cart')
    t.is(none.code, 3)
    t.regex(none.err, /no task or container "cart" has ended/)
  }
})

test('changes are told oldest first, of the cluster or a service, by kind on request', async (t) => {
  for (const dir of await both(t)) {
    const { run } = openTerminal()
    const changes = (...more: string[]) => run('changes', '--utc', '--data', dir, ...more)
    const all = await changes()
    t.is(all.code, 0)
    const kinds = all.out.split('\n').map((line) => line.split(/ +/)[2])
    t.deepEqual(kinds.slice(1, 4), ['task', 'task', 'health'])
    const { out } = await changes('web', '--json', '--since', '25s', '--kind', 'status,health')
    const { changes: found } = JSON.parse(out) as { changes: ChangeDoc[] }
    t.deepEqual(
      found.map((one) => one['event.kind']),
      ['status', 'health'],
    )
    const wrong = await changes('--kind', 'deaths')
    t.is(wrong.code, 2)
    t.regex(wrong.err, /"deaths" is no kind of change/)
    t.regex((await changes('--since', '1s')).err, /nothing happened in this time/)
  }
})

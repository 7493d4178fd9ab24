import test from 'ava'
import { msToIso, type ChangeDoc } from '../../pipeline/event.ts'
import { identityToEcs } from '../../pipeline/identity.ts'
import { getJson, open } from './open.ts'

const atMs = Date.UTC(2026, 10, 22, 18, 30)

function end(task: string): ChangeDoc {
  return {
    '@timestamp': msToIso(atMs),
    'event.id': `change:task:${task}:${atMs}`,
    'event.kind': 'task',
    'event.action': 'died',
    message: `${task} died`,
    'process.exit_code': 139,
    'task.last_lines': ['the last one'],
    ...identityToEcs({ service: '/shop/web', task }),
  }
}

test('why a task ended is told; several are listed; none is no failure', async (t) => {
  const { url, store } = await open(t)
  await store.putDocs('changes', [end('web.a1'), end('web.a2')])
  const why = async (task: string) => (await getJson(`${url}/api/tasks/why?task=${task}`)).body
  const one = await why('web.a1')
  t.like(one.postMortem, { exitCode: 139, signal: 'SIGSEGV', nthDeath: 2 })
  t.deepEqual(one.postMortem.lines, [{ message: 'the last one' }])
  t.true(one.rows.some(([name, text]: string[]) => name === 'Exit code' && /SIGSEGV/.test(text!)))
  const several = await why('web.')
  t.is(several.postMortem, undefined)
  t.is(several.matches.length, 2)
  t.deepEqual(await why('other'), { matches: [] })
})

test('without a task, or with what is none, it is refused with its remedy', async (t) => {
  const { url } = await open(t)
  const missing = await getJson(`${url}/api/tasks/why`)
  t.is(missing.status, 400)
  const wrong = await getJson(`${url}/api/tasks/why?task=${encodeURIComponent('.*')}`)
  t.is(wrong.status, 400)
  t.regex(wrong.body.error, /is no id of a task/)
})

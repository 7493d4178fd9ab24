import test, { type ExecutionContext } from 'ava'
import { manualClock } from '../../pipeline/clock.ts'
import { pausesOn } from '../../pipeline/scaling-desk.ts'
import { evaluate, service, total } from '../autoscaling/app.ts'
import { open } from '../dashboards/open.ts'
import { memoryScalingDesk } from '../helpers/scaling-desk.ts'
import { directory, leaveAddress, now, openTerminal } from './terminal.ts'

const { decision } = evaluate({ signals: { requests: total(30) } })
const others = ['/other/web', '/shop/db'].map((name) => ({ service: name }))

async function running(t: ExecutionContext) {
  const clock = manualClock(now)
  const desk = memoryScalingDesk(clock)
  const statuses = [...others, { service, policy: decision.policy, last: decision }]
  const { url } = await open(t, {
    clock,
    scaling: () =>
      statuses.map((one) => ({ ...one, pauses: pausesOn(one.service, desk.pauses()) })),
    scalingDesk: desk,
  })
  const dir = directory(t)
  leaveAddress(dir, { url })
  const { run, io } = openTerminal()
  Object.assign(io, { clock, env: { USER: 'ana' } })
  const scale = (...words: string[]) => run('scale', ...words, '--data', dir)
  return { desk, clock, io, scale }
}

test('scale pause pauses in my name, and list and explain tell it until it is over', async (t) => {
  const { clock, scale } = await running(t)
  const { out, err, code } = await scale('pause', '/shop/web', '--reason', 'deploy', '--utc')
  t.is(
    out,
    '/shop/web paused up and down by ana until 2026-11-22 22:30:00.000Z: deploy\nmesoscope scale resume /shop/web ends it\n',
  )
  t.deepEqual([err, code], ['', 0])
  const told = 'up and down by ana until 2026-11-22 22:30:00.000Z: deploy'
  t.true((await scale('list', '--utc')).out.endsWith(`\npaused: /shop/web ${told}\n`))
  t.true((await scale('explain', '/shop/web', '--utc')).out.includes(`\npaused     ${told}\n`))
  const { pauses } = JSON.parse((await scale('explain', '/shop/web', '--json')).out) as {
    pauses: unknown[]
  }
  t.like(pauses[0], { by: 'ana', reason: 'deploy' })
  clock.set(now + 4 * 3_600_000)
  t.false((await scale('list')).out.includes('paused'))
})

test('one way, for a length, by somebody, of all; and resumed', async (t) => {
  const { desk, scale } = await running(t)
  const words = ['--direction', 'down', '--for', '2h', '--by', 'bo\u001b[2J', '--reason', 'sale']
  const { out } = await scale('pause', '--all', ...words, '--utc')
  t.is(
    out,
    'all services paused downwards by bo\\x1b[2J until 2026-11-22 20:30:00.000Z: sale\nmesoscope scale resume --all ends it\n',
  )
  t.like(desk.pauses(), [{ service: '*', direction: 'down', untilMs: now + 7_200_000 }])
  await scale('pause', 'db', '--reason', 'x')
  const resumed = await scale('resume', 'db', '--utc')
  t.is(resumed.out, 'the pause of /shop/db has ended\n')
  t.regex(resumed.err, /^mesoscope: all services are paused downwards by bo/)
  const again = await scale('resume', 'db')
  t.is(again.code, 3)
  t.regex(again.err, /^mesoscope: there is no pause of \/shop\/db: all services are paused/)
  t.is((await scale('resume', '--all')).out, 'the pause of all services has ended\n')
  t.deepEqual(desk.pauses(), [])
  const json = JSON.parse((await scale('pause', 'db', '--reason', 'x', '--json')).out) as unknown
  t.deepEqual(json, JSON.parse(JSON.stringify({ pause: desk.pauses()[0] })))
})

test('instances that were set by hand are scaled again', async (t) => {
  const { desk, scale } = await running(t)
  desk.overrides.set('/shop/db', { from: 2, instances: 5, sinceMs: now })
  const { out, code } = await scale('resume', 'db')
  t.is(out, '/shop/db is scaled again, from 5 instances that were set by hand\n')
  t.is(code, 0)
  t.is((await scale('resume', 'db', '--json')).code, 3, 'once')
})

test('what is not meant so is misuse, and pauses nothing', async (t) => {
  const { desk, io, scale } = await running(t)
  const cases: [string[], number, RegExp][] = [
    [['pause', '--reason', 'x'], 2, /no service is named: name one, or give --all/],
    [['pause', 'db', '--all', '--reason', 'x'], 2, /name a service, or give --all, not both/],
    [['pause', 'db'], 2, /--reason/],
    [['pause', 'db', '--reason', ' '], 2, /the reason is missing: give --reason/],
    [['pause', 'db', '--reason', 'x', '--for', '31d'], 2, /at most 30d/],
    [['pause', 'db', '--reason', 'x', '--for', '0'], 2, /at most 30d/],
    [['pause', 'db', '--reason', 'x', '--direction', 'left'], 2, /up, down, both/],
    [
      ['pause', 'web', '--reason', 'x'],
      2,
      /"web" can mean 2 services: .*\/other\/web, \/shop\/web/,
    ],
    [['pause', 'cart', '--reason', 'x'], 3, /"cart" is not scaled: scaled are \/other\/web/],
    [['resume'], 2, /no service is named/],
  ]
  for (const [words, code, err] of cases) {
    const answer = await scale(...words)
    t.is(answer.code, code, words.join(' '))
    t.regex(answer.err, err)
  }
  io.env = {}
  t.regex((await scale('pause', 'db', '--reason', 'x')).err, /nobody is named who does this/)
  t.deepEqual(desk.pauses(), [])
})

test('where no Mesoscope runs, nobody can be asked', async (t) => {
  const { run, io } = openTerminal()
  Object.assign(io, { env: { USER: 'ana' } })
  const { err, code } = await run('scale', 'pause', 'db', '--reason', 'x', '--data', directory(t))
  t.is(code, 1)
  t.regex(err, /^mesoscope: /)
})

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import type { BacktestAnswer } from '../../pipeline/backtest.ts'
import { openContainer } from './containers.ts'
import { openScene, until, type Program } from './program.ts'

/* Rules on single lines in the real program: over a kill they remember what they have seen, and a back-test tells the same. */

const settings = (dir: string, root: string) => ({
  data: join(dir, 'data'),
  listen: { port: 0 },
  log_level: 'error',
  evaluation: { interval: '1s', resolution: '1s' },
  collectors: { docker: [{ root }] },
  alerts: [
    {
      alert: 'NewError',
      log: { type: 'new_term', where: 'level:error', fields: ['error'], hold: '1h' },
      annotations: { summary: 'first seen: {{ match.error }}' },
    },
    {
      alert: 'Logins',
      log: {
        type: 'frequency',
        where: 'denied',
        num_events: 3,
        timeframe: '1m',
        query_key: 'user',
        hold: '1h',
      },
    },
  ],
})

async function alertsOf(program: Program): Promise<string[]> {
  const { alerts } = await program.get('/api/alerts')
  return alerts
    .filter(({ state }) => state === 'firing')
    .map(
      ({ alert, labels, annotations }) =>
        `${alert} ${labels['user'] ?? ''}${annotations['summary'] ?? ''}`,
    )
    .toSorted()
}

test('rules on single lines, over a kill of the program', async (t) => {
  const scene = openScene(t)
  const root = join(scene.dir, 'containers')
  mkdirSync(root)
  const web = openContainer(root, 'web')
  const error = (name: string) =>
    web.line(JSON.stringify({ level: 'error', msg: 'failed', error: name }))
  const denied = (user: string) => web.line(JSON.stringify({ level: 'info', msg: 'denied', user }))
  const first = await scene.start(settings(scene.dir, root))
  const from = Date.now()
  error('no stock')
  denied('ana')
  denied('bob')
  denied('ana')
  await until('the first', async () => (await alertsOf(first)).length === 1 || undefined)
  t.deepEqual(await alertsOf(first), ['NewError first seen: no stock'])
  const { incident } = (await first.get('/api/alerts')).alerts[0] ?? {}
  await first.kill()

  const again = await scene.start(settings(scene.dir, root))
  error('no stock')
  denied('ana')
  error('no column price')
  const wanted = ['Logins ana', 'NewError first seen: no column price']
  await until('what is new', async () => {
    const found = await alertsOf(again)
    if (!wanted.every((one) => found.includes(one))) throw new Error(found.join('; '))
    return true
  })
  // What is known already is not told again, and the alert of before has gone on.
  t.deepEqual(await alertsOf(again), [...wanted, 'NewError first seen: no stock'])
  const { alerts } = await again.get('/api/alerts')
  const before = alerts.find(({ labels }) => labels['error'] === 'no stock')
  t.is(before?.incident, incident)

  const response = await fetch(`${again.url}/api/rules/backtest`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-mesoscope': '1' },
    body: JSON.stringify({
      rule: {
        alert: 'Logins',
        when: 'frequency',
        log: {
          type: 'frequency',
          where: 'denied',
          parameters: { num_events: 3, timeframe: 60_000, query_key: 'user' },
        },
        forMs: 0,
        keepFiringForMs: 0,
        labels: {},
        annotations: {},
      },
      signals: {},
      from,
      to: Date.now(),
      hindsight: false,
    }),
  })
  const last = (await response.text()).trim().split('\n').at(-1) ?? ''
  const { answer } = JSON.parse(last) as { answer?: BacktestAnswer }
  const live = alerts.find(({ alert }) => alert === 'Logins')
  t.deepEqual(
    answer?.incidents.map(({ labels, since }) => [labels, since]),
    [[live?.labels, live?.since]],
    last,
  )
  t.true((answer?.incidents[0]?.lines.length ?? 0) > 0)
  t.is(await again.stop(), 0)
})

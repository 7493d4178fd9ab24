import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import type { BacktestLine, BacktestQuestion } from '../../pipeline/backtest.ts'
import { decodeDocs } from '../../pipeline/record.ts'
import { open } from '../dashboards/open.ts'
import { openInstance } from '../dashboards/shop.ts'
import { directory, leaveAddress, now, openTerminal } from './terminal.ts'

const settings = `
signals:
  errors: { where: 'level:error', measure: rate, over: 1m }
  requests: { where: 'method:*', measure: rate, over: 1m }
alerts:
  - alert: HighErrorRate
    when: errors > 5
    for: 30s
    labels: { severity: page }
`

async function running(t: ExecutionContext, lines: BacktestLine[]) {
  const asked: BacktestQuestion[] = []
  const { url } = await open(t, {
    clock: openTerminal().io.clock,
    async *backtest(question) {
      asked.push(question)
      yield* lines
    },
  })
  const dir = directory(t)
  leaveAddress(dir, { url })
  const file = join(dir, 'rules.yaml')
  writeFileSync(file, settings)
  return { asked, file, data: ['--data', dir, '--rules', file] }
}

const web = openInstance('/shop/web', 'web.1', 'a'.repeat(64))
const answer = {
  alert: 'HighErrorRate',
  evaluated: { from: now - 3_600_000, to: now, count: 720 },
  source: 'recorded' as const,
  failures: [],
  incidents: [
    {
      incident: 'f-1',
      labels: { alertname: 'HighErrorRate', service: '/shop/web', severity: 'page' },
      annotations: {},
      since: now - 600_000,
      firedAt: now - 570_000,
      resolvedAt: now - 480_000,
      explanation: '7.2 errors/s > 5',
      peak: 9,
      lines: decodeDocs(web.write(now - 575_000, [['error', 'payment \u001b[2J refused']])),
    },
    {
      incident: 'f-2',
      labels: { alertname: 'HighErrorRate', service: '/shop/cart', severity: 'page' },
      annotations: {},
      since: now - 60_000,
      firedAt: now - 30_000,
      explanation: '6 errors/s > 5',
      peak: 6,
      lines: [],
    },
  ],
}

test('rules backtest: how often, when, of whom, with the lines; progress on the way', async (t) => {
  const { asked, data } = await running(t, [{ progress: 0.31 }, { progress: 1 }, { answer }])
  const { out, err, code } = await openTerminal().run(
    'rules',
    'backtest',
    'HighErrorRate',
    '--from',
    '1h',
    '--utc',
    ...data,
  )
  t.is(code, 0, err)
  t.is(
    out,
    `FIRED                     LASTED   SERVICE     BECAUSE           LABELS
2026-11-22 18:20:30.000Z  90 s     /shop/web   7.2 errors/s > 5  severity=page
2026-11-22 18:29:30.000Z  goes on  /shop/cart  6 errors/s > 5    severity=page

Some of the lines:
  /shop/web  2026-11-22T18:20:25.000000000Z  payment \\x1b[2J refused
`,
  )
  t.is(
    err,
    'mesoscope: HighErrorRate would have fired 2 times, of 2 services, in 720 evaluations from ' +
      '2026-11-22 17:30:00.000Z to 2026-11-22 18:30:00.000Z (signals as recorded then)\n',
  )
  t.like(asked[0], {
    rule: {
      alert: 'HighErrorRate',
      when: 'errors > 5',
      forMs: 30_000,
      labels: { severity: 'page' },
    },
    from: now - 3_600_000,
    to: now,
    hindsight: false,
  })
  t.deepEqual(Object.keys(asked[0]?.signals ?? {}), ['errors'], 'what it reads alone')
})

test('rules backtest as JSON, in hindsight, and of nothing', async (t) => {
  const { asked, data } = await running(t, [
    { answer: { ...answer, evaluated: undefined, incidents: [] } },
  ])
  const run = (...more: string[]) =>
    openTerminal().run('rules', 'backtest', 'HighErrorRate', '--from', '1h', ...more, ...data)
  t.like(JSON.parse((await run('--json', '--hindsight')).out), { alert: 'HighErrorRate' })
  t.true(asked[0]?.hindsight)
  t.is(
    (await run()).err,
    'mesoscope: HighErrorRate: nothing that was recorded reaches into that time\n',
  )
})

test('rules backtest: what goes wrong', async (t) => {
  const { data } = await running(t, [{ error: 'the bus is away', remedy: 'wait' }])
  const run = (name: string, ...more: string[]) =>
    openTerminal().run('rules', 'backtest', name, ...more, ...data)
  const unknown = await run('Other', '--from', '1h')
  t.is(unknown.code, 3)
  t.regex(unknown.err, /has no rule "Other": rules are HighErrorRate/)
  t.is((await run('HighErrorRate')).code, 2, 'without --from')
  const away = await run('HighErrorRate', '--from', '1h')
  t.is(away.code, 1)
  t.regex(away.err, /the bus is away: wait/)
})

test('rules check tells what check tells', async (t) => {
  const { file } = await running(t, [])
  const { out, code } = await openTerminal().run('rules', 'check', file)
  t.is(code, 0)
  t.is(out, `${file}: ok (0 collectors, 2 signals, 1 alert)\n`)
  writeFileSync(file, settings.replace('errors > 5', 'error > 5'))
  const wrong = await openTerminal().run('rules', 'check', file)
  t.is(wrong.code, 2)
  t.regex(
    wrong.err,
    /rules\.yaml:7: alerts\[0\]\.when: there is no signal error; did you mean errors\?/,
  )
})

test('rules: each with its health', async (t) => {
  const { url } = await open(t, {
    rules: () => ({
      rules: [
        {
          alert: 'HighErrorRate',
          when: 'errors > 5',
          active: 3,
          lastEvaluation: now,
          durationMs: 1.25,
        },
        { alert: 'Odd', when: 'errors >', active: 0, error: 'm.yaml:3: no \u001b[2J condition' },
      ],
    }),
  })
  const dir = directory(t)
  leaveAddress(dir, { url })
  const { out, code } = await openTerminal().run('rules', '--utc', '--data', dir)
  t.is(code, 0)
  t.is(
    out,
    `HEALTH   RULE           ALERTS  EVALUATED                 TOOK    CONDITION
ok       HighErrorRate       3  2026-11-22 18:30:00.000Z  1.3 ms  errors > 5
failing  Odd                 0  -                         -       m.yaml:3: no \\x1b[2J condition
`,
  )
  const json = await openTerminal().run('rules', 'list', '--json', '--data', dir)
  t.is((JSON.parse(json.out) as { rules: unknown[] }).rules.length, 2)
})

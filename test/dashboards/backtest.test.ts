import test from 'ava'
import type { BacktestAnswer, BacktestLine, BacktestQuestion } from '../../pipeline/backtest.ts'
import { Trouble } from '../../pipeline/errors.ts'
import { open } from './open.ts'

const question: BacktestQuestion = {
  rule: {
    alert: 'HighErrorRate',
    when: 'errors > 5',
    forMs: 0,
    keepFiringForMs: 0,
    labels: { severity: 'page' },
    annotations: {},
  },
  signals: {
    errors: {
      from: 'logs',
      where: 'level:error',
      measure: 'rate',
      overMs: 60_000,
      by: ['service'],
    },
  },
  from: 1000,
  to: 2000,
  hindsight: false,
}

const answer: BacktestAnswer = {
  alert: 'HighErrorRate',
  evaluated: { from: 1000, to: 2000, count: 3 },
  source: 'recorded',
  failures: [],
  incidents: [],
}

const ask = (url: string, body: unknown) =>
  fetch(`${url}/api/rules/backtest`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-mesoscope': '1' },
    body: JSON.stringify(body),
  })

test('the answer comes as lines, the last one is it', async (t) => {
  const asked: BacktestQuestion[] = []
  const { url } = await open(t, {
    async *backtest(given) {
      asked.push(given)
      yield { progress: 0.5 }
      yield { answer }
    },
  })
  const response = await ask(url, question)
  t.is(response.status, 200)
  t.is(response.headers.get('content-type'), 'application/x-ndjson; charset=utf-8')
  const lines = (await response.text()).trim().split('\n')
  t.deepEqual(
    lines.map((line) => JSON.parse(line) as BacktestLine),
    [{ progress: 0.5 }, { answer }],
  )
  t.deepEqual(asked, [question])
})

test('what is no question is told where, and a rule that is none before anything is read', async (t) => {
  const { url } = await open(t, {
    // eslint-disable-next-line require-yield
    async *backtest() {
      throw new Trouble('alerts[0].when: no such signal', { remedy: 'correct the rule' })
    },
  })
  const refused = async (body: unknown) => {
    const response = await ask(url, body)
    return [response.status, ((await response.json()) as { error: string }).error] as const
  }
  const wrong = structuredClone(question) as { signals: Record<string, { measure: string }> }
  Object.assign(wrong.signals['errors'] ?? {}, { measure: 'guess' })
  t.like(await refused(wrong), [400])
  t.regex((await refused(wrong))[1], /^signals\.errors\.measure: /)
  t.like(await refused({ ...question, from: 3000 }), [400, '"from" is after "to"'])
  t.like(await refused({}), [400])
  t.deepEqual(await refused(question), [400, 'alerts[0].when: no such signal'])
})

test('what goes wrong on the way is the last line', async (t) => {
  const { url } = await open(t, {
    async *backtest() {
      yield { progress: 0.1 }
      throw new Trouble('the bus is away')
    },
  })
  const lines = (await (await ask(url, question)).text()).trim().split('\n')
  t.deepEqual(JSON.parse(lines.at(-1) ?? ''), { error: 'the bus is away' })
})

test('a process without a bus says so', async (t) => {
  const { url } = await open(t)
  t.is((await ask(url, question)).status, 501)
})

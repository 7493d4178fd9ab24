import test, { type ExecutionContext } from 'ava'
import type { Settings } from '../../config/settings.ts'
import { openBacktesting } from '../../main/backtest.ts'
import type { BaseWithStore } from '../../main/base.ts'
import type { BacktestAnswer, BacktestQuestion } from '../../pipeline/backtest.ts'
import { Trouble } from '../../pipeline/errors.ts'
import { silentLog } from '../../pipeline/log.ts'
import type { SignalDeclaration, SignalDeclarations } from '../../pipeline/signals.ts'
import { openBus, openStore, produceLines, record, someTime } from '../helpers/pipeline.ts'
import { mark, measured, openMeasuring } from '../processors/measuring.ts'

const second = 1000
const declared = (where: string): SignalDeclaration => ({
  from: 'logs',
  where,
  measure: 'rate',
  overMs: 10 * second,
  by: ['service'],
})
const signals: SignalDeclarations = { errors: declared('level:error') }

/** Five minutes of a service; from the second to the third it writes an error and "refused" each second. */
async function openPast(t: ExecutionContext) {
  const bus = await openBus(t)
  const store = await openStore(t)
  openMeasuring(t, bus, { signals })
  for (let from = 0; from < 300; from += 10) {
    const isIll = from >= 120 && from < 180
    const lines = record({
      source: 'web:o',
      identity: { service: '/shop/web' },
      first: from,
      levels: Array.from({ length: 10 }, () => (isIll ? 'error' : 'info')),
      messages: Array.from({ length: 10 }, (_, n) => `${isIll ? 'refused' : 'taken'} ${from + n}`),
      times: Array.from({ length: 10 }, (_, n) => someTime + (from + n) * second),
    })
    await store.appendLogs([lines])
    await produceLines(bus, lines)
    await mark(bus, someTime + (from + 10) * second)
  }
  await measured(bus)
  const flapping = { low: 5, high: 20, every: 60 * second }
  const evaluation = { interval: 5 * second, resolution: second, flapping }
  const base = { bus, store, signals, settings: { evaluation } as Settings, log: silentLog }
  return openBacktesting(base as unknown as BaseWithStore, undefined)
}

const questionOf = (more: Partial<BacktestQuestion> = {}): BacktestQuestion => ({
  rule: {
    alert: 'Refusing',
    when: 'errors > 0.5',
    forMs: 0,
    keepFiringForMs: 0,
    labels: {},
    annotations: {},
  },
  signals,
  from: someTime,
  to: someTime + 300 * second,
  hindsight: false,
  ...more,
})

async function answerOf(
  backtest: ReturnType<typeof openBacktesting>,
  question: BacktestQuestion,
): Promise<BacktestAnswer> {
  let progress = 0
  for await (const line of backtest(question)) {
    if ('answer' in line) return line.answer
    if ('progress' in line) {
      if (line.progress < progress) throw new Error('it went back')
      progress = line.progress
    }
  }
  throw new Error('no answer')
}

const whole = { since: someTime + 130 * second, firedAt: someTime + 130 * second }

test('of signals as they were recorded, with the lines', async (t) => {
  const backtest = await openPast(t)
  const answer = await answerOf(backtest, questionOf())
  t.like(answer, {
    source: 'recorded',
    failures: [],
    incidents: { length: 1, 0: { ...whole, explanation: '1 errors/s > 0.5', peak: 1 } },
  })
  const lines = answer.incidents[0]?.lines.map(({ message }) => message) ?? []
  t.is(lines.length, 3)
  t.true(lines.every((line) => line.startsWith('refused')))
})

test('of a signal that did not exist then: what came is measured again', async (t) => {
  const backtest = await openPast(t)
  const rule = { ...questionOf().rule, when: 'refusals > 0.5' }
  const question = questionOf({ rule, signals: { refusals: declared('refused') } })
  const answer = await answerOf(backtest, question)
  t.like(answer, { source: 'measured again', incidents: { length: 1, 0: whole } })
  const seen = await answerOf(backtest, { ...question, hindsight: true })
  t.like(seen, { source: 'measured again', incidents: { length: 1, 0: whole } })
})

test('what is no rule is refused, and so is a second one at a time', async (t) => {
  const backtest = await openPast(t)
  const wrong = questionOf({ rule: { ...questionOf().rule, when: 'nothing > 1' } })
  await t.throwsAsync(answerOf(backtest, wrong), {
    instanceOf: Trouble,
    message: /alerts\[0\]\.when/,
  })
  const first = backtest(questionOf())
  await first.next()
  await t.throwsAsync(answerOf(backtest, questionOf()), { message: 'another back-test is running' })
  await first.return(undefined)
  t.is((await answerOf(backtest, questionOf())).incidents.length, 1)
})

test('of a time of which nothing was recorded there is no answer', async (t) => {
  const backtest = await openPast(t)
  const long = 30 * 86_400_000
  const { from, to } = questionOf()
  const answer = await answerOf(backtest, questionOf({ from: from - long, to: to - long }))
  t.is(answer.evaluated, undefined)
  t.deepEqual(answer.incidents, [])
})

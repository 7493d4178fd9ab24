import test from 'ava'
import { nextTime, parseCron } from '../../../alerting/rules/cron.ts'

const cases: [schedule: string, after: string, next: string | undefined][] = [
  ['* * * * *', '2024-03-01T00:00:00Z', '2024-03-01T00:01:00.000Z'],
  ['*/15 * * * *', '2024-03-01T00:14:59Z', '2024-03-01T00:15:00.000Z'],
  ['0 9-17 * * 1-5', '2024-03-01T17:00:00Z', '2024-03-04T09:00:00.000Z'],
  ['30 6 1 * *', '2024-03-01T06:30:00Z', '2024-04-01T06:30:00.000Z'],
  ['0 0 13 * 5', '2024-03-02T00:00:00Z', '2024-03-08T00:00:00.000Z'],
  ['0 0 * * 7', '2024-03-01T00:00:00Z', '2024-03-03T00:00:00.000Z'],
  ['0 0 29 2 *', '2024-03-01T00:00:00Z', '2028-02-29T00:00:00.000Z'],
  ['5/20 1,3 * * *', '2024-03-01T01:25:00Z', '2024-03-01T01:45:00.000Z'],
  ['0 0 31 2 *', '2024-03-01T00:00:00Z', undefined],
]

for (const [schedule, after, next] of cases) {
  test(`${schedule} after ${after} is ${next ?? 'never'}`, (t) => {
    const ms = nextTime(parseCron(schedule), Date.parse(after))
    t.is(ms === undefined ? undefined : new Date(ms).toISOString(), next)
  })
}

for (const wrong of [
  '',
  '* * * *',
  '60 * * * *',
  '* 24 * * *',
  '* * 0 * *',
  '*/0 * * * *',
  '5-1 * * * *',
  'a * * * *',
]) {
  test(`"${wrong}" is no schedule`, (t) => {
    t.throws(() => parseCron(wrong), { instanceOf: RangeError })
  })
}

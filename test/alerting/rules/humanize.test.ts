import test from 'ava'
import {
  fourDigits,
  humanize,
  humanize1024,
  humanizeDuration,
  humanizePercentage,
  humanizeTimestamp,
  spokenDuration,
} from '../../../alerting/rules/humanize.ts'

const cases: [(value: number) => string, number, string][] = [
  [humanize, 0, '0'],
  [humanize, 1, '1'],
  [humanize, 1234567, '1.235M'],
  [humanize, -1200, '-1.2k'],
  [humanize, 0.012, '12m'],
  [humanize, 1e-6, '1u'],
  [humanize, Infinity, '+Inf'],
  [humanize, NaN, 'NaN'],
  [humanize1024, 0, '0'],
  [humanize1024, 1, '1'],
  [humanize1024, 1023, '1023'],
  [humanize1024, 1_048_576, '1Mi'],
  [humanize1024, -2e10, '-18.63Gi'],
  [humanize1024, 0.5, '0.5'],
  [humanize1024, NaN, 'NaN'],
  [humanizeTimestamp, 1435065584.128, '2015-06-23 13:19:44.128 +0000 UTC'],
  [humanizeTimestamp, 1435065580, '2015-06-23 13:19:40 +0000 UTC'],
  [humanizeTimestamp, 1435065580.5, '2015-06-23 13:19:40.5 +0000 UTC'],
  [humanizeTimestamp, Infinity, '+Inf'],
  [humanizeDuration, 0, '0s'],
  [humanizeDuration, 1, '1s'],
  [humanizeDuration, 1234567, '14d 6h 56m 7s'],
  [humanizeDuration, 3661, '1h 1m 1s'],
  [humanizeDuration, -62, '-1m 2s'],
  [humanizeDuration, 12.345, '12.35s'],
  [humanizeDuration, 0.1, '100ms'],
  [humanizeDuration, 0.00001, '10us'],
  [humanizePercentage, 0.1234567, '12.35%'],
  [humanizePercentage, 1, '100%'],
  [humanizePercentage, 123.456, '1.235e+04%'],
  [fourDigits, 7.2, '7.2'],
  [fourDigits, 123456, '1.235e+05'],
  [fourDigits, 0.00001234, '1.234e-05'],
  [fourDigits, 9999.9, '1e+04'],
  [spokenDuration, 120_000, '2m'],
  [spokenDuration, 3_660_000, '1h 1m'],
  [spokenDuration, 86_400_000, '1d'],
  [spokenDuration, 250, '250ms'],
  [spokenDuration, 0, '0s'],
]

for (const [f, value, expected] of cases) {
  test(`${f.name} of ${value} is ${expected}`, (t) => {
    t.is(f(value), expected)
  })
}

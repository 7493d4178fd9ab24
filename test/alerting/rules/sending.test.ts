import test from 'ava'
import { sendingOf } from '../../../alerting/rules/sending.ts'
import type { AlertState } from '../../../alerting/rules/state.ts'

const rule = { intervalMs: 15_000, resendMs: 60_000 }
const firing: AlertState = {
  fingerprint: 'f',
  labels: { alertname: 'A' },
  group: {},
  value: 1,
  peak: 1,
  signals: {},
  lastMs: 0,
  annotations: {},
  state: 'firing',
  activeAt: 0,
  firedAt: 45_000,
}

test('an alert is sent when it fires, again from time to time, and at once when it is resolved', (t) => {
  t.is(sendingOf({ ...firing, state: 'pending' }, undefined, 45_000, rule), undefined)
  t.deepEqual(sendingOf(firing, undefined, 45_000, rule), {
    startsAt: 45_000,
    endsAt: 45_000 + 240_000,
    resolved: false,
  })
  t.is(sendingOf(firing, 45_000, 105_000, rule), undefined, 'not before more than a minute')
  t.is(sendingOf(firing, 45_000, 105_001, rule)?.endsAt, 105_001 + 240_000)
  const resolved: AlertState = { ...firing, state: 'inactive', resolvedAt: 50_000 }
  t.deepEqual(sendingOf(resolved, 45_000, 50_000, rule), {
    startsAt: 45_000,
    endsAt: 50_000,
    resolved: true,
  })
  t.is(sendingOf(resolved, 50_000, 65_000, rule), undefined)
  t.true(sendingOf(resolved, 50_000, 125_000, rule)?.resolved)
})

test('with long intervals an alert is believed for longer', (t) => {
  t.is(sendingOf(firing, undefined, 0, { intervalMs: 300_000 })?.endsAt, 1_200_000)
})

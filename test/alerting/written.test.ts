import test from 'ava'
import type { LogRuleState } from '../../alerting/rules/log-rule.ts'
import { logWriter } from '../../alerting/written.ts'

const stateOf = (length: number): LogRuleState => ({ kind: 'x'.repeat(length), held: [] })

test('what the bus would refuse is not written, and told: it would stop all rules', (t) => {
  const large: string[] = []
  const kept = new Set(['small', 'large'])
  const changed = logWriter({ logs: new Map() }, kept, (rule) => large.push(rule))
  const written = changed([
    ['large', stateOf(17 * 2 ** 20)],
    ['small', stateOf(10)],
  ])
  t.is(written.length, 1)
  t.deepEqual(large, ['large'])
  t.is(changed([['large', stateOf(20)]]).length, 1, 'as soon as it fits it is written')
  t.is(changed([['large', stateOf(20)]]).length, 0)
})

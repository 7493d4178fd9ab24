import test from 'ava'
import fc from 'fast-check'
import {
  cleanName,
  hostCode,
  namingOf,
  stateOf,
  worstOf,
  type NagiosState,
} from '../../../../alerting/channels/nagios/state.ts'

const severities = { page: 'critical', ticket: 'warning', info: 'ok' } as const
const settings = { severities, otherSeverity: 'unknown' } as const

const firing: [string, Record<string, string>, boolean, NagiosState][] = [
  ['the severity decides', { severity: 'page' }, false, 'critical'],
  ['another one', { severity: 'ticket' }, false, 'warning'],
  ['one that does not matter in Nagios', { severity: 'info' }, false, 'ok'],
  ['one that is not listed', { severity: 'sev-9' }, false, 'unknown'],
  ['none', {}, false, 'unknown'],
  ['one with the name of what every object has', { severity: 'toString' }, false, 'unknown'],
  ['nobody can tell', { severity: 'page' }, true, 'unknown'],
]

for (const [sentence, labels, unknown, state] of firing) {
  test(`an alert's state: ${sentence}`, (t) => {
    t.is(stateOf({ labels, unknown }, settings), state)
  })
}

test('the worst of several: what is bad outweighs what is not known', (t) => {
  t.is(worstOf([]), 'ok')
  t.is(worstOf(['ok', 'unknown', 'ok']), 'unknown')
  t.is(worstOf(['unknown', 'warning']), 'warning')
  t.is(worstOf(['critical', 'unknown', 'warning']), 'critical')
})

test('a host is up or down', (t) => {
  t.deepEqual((['ok', 'warning', 'critical', 'unknown'] as const).map(hostCode), [0, 1, 1, 1])
})

test('names come from labels', (t) => {
  const naming = namingOf('mesoscope', '{{ alertname }} {{ service }}')
  const labels = { alertname: 'HighErrorRate', service: '/shop/web' }
  t.deepEqual(naming(labels), { host: 'mesoscope', service: 'HighErrorRate /shop/web' })
  t.deepEqual(naming({ alertname: 'NoLeader' }), { host: 'mesoscope', service: 'NoLeader' })
  const own = namingOf('{{ host }}', undefined)
  t.deepEqual(own({ host: 'agent-1' }), { host: 'agent-1' })
  t.is(own({}), undefined)
  t.is(naming({ alertname: '\n\u0000 ' }), undefined)
})

test('a label is data: it is no template and no field of a command', (t) => {
  const naming = namingOf('mesoscope', '{{ alertname }} {{ service }}')
  const hostile = 'a;0;fine\n[1] SHUTDOWN_PROGRAM;\u0000|x=1 {{ alertname }}'
  t.deepEqual(naming({ alertname: 'A', service: hostile }), {
    host: 'mesoscope',
    service: 'A a_0_fine [1] SHUTDOWN_PROGRAM_ _x_1 {{ alertname }}',
  })
})

test('whatever it was, a name has nothing that Nagios forbids; one that had nothing stays', (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
      const name = cleanName(text)
      // oxlint-disable-next-line no-control-regex
      t.notRegex(name, /[\u0000-\u001f\u007f-\u009f`~!$%^&*|'"<>?,()=;\u2028\u2029]/)
      t.true(name.isWellFormed())
      t.is(cleanName(name), name)
    }),
  )
  t.is(cleanName('Größe /shop/web:8080 [prod]'), 'Größe /shop/web:8080 [prod]')
})

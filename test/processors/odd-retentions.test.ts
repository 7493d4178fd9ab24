import test from 'ava'
import { manualClock } from '../../pipeline/clock.ts'
import { silentLog } from '../../pipeline/log.ts'
import { openOddRetentions } from '../../processors/odd-retentions.ts'

test('a retention class that nobody declared is told for an hour, with the service that asks for it', (t) => {
  const clock = manualClock(0)
  const odd = openOddRetentions({ declared: ['brief'], clock, log: silentLog })
  odd.look({ service: '/a' })
  odd.look({ service: '/a', retention: 'brief' })
  odd.look({ service: '/a', retention: 'default' })
  t.is(odd.trouble(), undefined)
  odd.look({ service: '/shop/web', retention: '90d' })
  t.is(
    odd.trouble(),
    '/shop/web asks for the retention class "90d", which store.retention_classes lacks: its events are kept as default',
  )
  clock.set(3_600_000)
  t.not(odd.trouble(), undefined)
  clock.set(3_600_001)
  t.is(odd.trouble(), undefined)
})

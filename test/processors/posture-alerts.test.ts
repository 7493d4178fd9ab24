import test from 'ava'
import { wallClock } from '../../pipeline/clock.ts'
import { isoToMs, type ChangeDoc } from '../../pipeline/event.ts'
import { silentLog } from '../../pipeline/log.ts'
import { openMetrics } from '../../pipeline/metrics.ts'
import { postureKey, type Posture } from '../../pipeline/posture.ts'
import type { SignalDeclarations } from '../../pipeline/signals.ts'
import { openPostures } from '../../processors/posture.ts'
import { openDesk, openWorld, ruleOf } from '../alerting/world.ts'
import { jsonOf, readAll, until } from '../helpers/pipeline.ts'
import { mark, openMeasuring } from './measuring.ts'

/* From the posture of a container to an alert, through changes and signals. */

const second = 1000
const signals: SignalDeclarations = {
  privileged: {
    from: 'changes',
    where: 'kind:posture AND action:found AND posture.finding:privileged',
    measure: 'count',
    overMs: 60 * second,
    by: ['service'],
  },
  unaccepted: {
    from: 'changes',
    where: 'kind:posture AND action:found AND NOT posture.accepted:true',
    measure: 'count',
    overMs: 60 * second,
    by: ['service'],
  },
}

test('a rule over changes fires on a finding', async (t) => {
  const bus = await openWorld(t)
  openMeasuring(t, bus, { signals, resolutionMs: 5 * second })
  const beginAt = Math.floor(wallClock.now() / (5 * second)) * 5 * second
  const { alerting } = await openDesk(t, bus, {
    signals,
    rules: [ruleOf({ when: 'privileged > 0 && unaccepted == 1.0' })],
    beginAt,
  })
  const options = { bus, clock: wallClock, metrics: openMetrics(), log: silentLog, settleMs: 30 }
  const postures = openPostures(options)
  t.teardown(() => postures.close())
  const is = { found: true, detail: 'Privileged is set' }
  const posture: Posture = {
    v: 1,
    of: 'container',
    id: 'a',
    identity: { service: '/web' },
    findings: { privileged: is, root: is, 'one-instance': is },
    accept: 'root, one-instance',
    atMs: wallClock.now(),
  }
  await bus.produce('posture', [
    { key: postureKey(posture), value: Buffer.from(JSON.stringify(posture)) },
  ])
  const found = async () =>
    (await readAll(bus, 'changes'))
      .filter(({ headers }) => headers['kind'] !== 'mark')
      .map((one) => jsonOf(one) as ChangeDoc)
      .find((doc) => doc['posture.finding'] === 'privileged')
  await until('the finding is told', async () => (await found()) !== undefined)
  const atMs = isoToMs((await found())?.['@timestamp'] ?? '')
  await mark(bus, atMs + 20 * second, 'c', 'changes')
  await until('it fires', () => alerting.alerts()[0]?.state === 'firing')
  t.is(alerting.alerts()[0]?.service, '/web')
})

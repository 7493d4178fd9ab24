import test from 'ava'
import { retentionTimes } from '../../main/retention.ts'
import { everyClass } from '../../pipeline/store/retention.ts'

const day = 86_400_000

test('what a class does not name is as in default, then as in retention', (t) => {
  const times = retentionTimes({
    elasticsearch: undefined,
    retention: 14 * day,
    retention_classes: {
      default: { metrics: 30 * day, changes: 365 * day },
      brief: { logs: day, metrics: 2 * day },
    },
  })
  t.deepEqual(times, {
    default: { ...everyClass(() => 14 * day), metrics: 30 * day, changes: 365 * day },
    brief: { ...everyClass(() => 14 * day), logs: day, metrics: 2 * day, changes: 365 * day },
  })
  const plain = retentionTimes({ elasticsearch: undefined, retention: day, retention_classes: {} })
  t.deepEqual(plain, { default: everyClass(() => day) })
})

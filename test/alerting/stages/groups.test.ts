import test from 'ava'
import { ingest } from '../../../alerting/stages/alerts.ts'
import {
  alertsToNotify,
  backoff,
  bornGroup,
  forgetResolved,
  bornFlush,
} from '../../../alerting/stages/groups.ts'
import { labelsText, type Labels } from '../../../alerting/stages/labels.ts'
import { readStagesConfig } from '../../../alerting/stages/config.ts'

const { route } = readStagesConfig('route: {receiver: a}\nreceivers: [{name: a}]\n', 'am.yml')
const alert = (labels: Labels, now = 0, endsAt = 1000) =>
  ingest({ labels, startsAt: 0, endsAt }, now, 0)

test('alerts are told by job, by instance, then the shorter ones, then by the labels', (t) => {
  const wanted: Labels[] = [
    { job: 'a', instance: '2', z: '' },
    { job: 'a' },
    { job: 'b', instance: '1' },
    { instance: '1', z: 'z' },
    { z: 'z' },
    { b: 'x', c: 'y' },
    { b: 'y', c: 'x' },
    { a: 'x', c: 'x' },
  ]
  const group = bornGroup(route, {}, alert({ z: 'z' }), 0)
  for (const one of wanted.toReversed().map((labels) => alert(labels))) {
    group.alerts[one.fingerprint] = one
  }
  t.deepEqual(
    alertsToNotify(group, 0).map(({ labels }) => labelsText(labels)),
    wanted.map(({ z, ...labels }) => labelsText(z ? { ...labels, z } : labels)),
  )
})

test('a resolved one that came in again during the flush is not forgotten', (t) => {
  const gone = alert({ a: 'gone' })
  const again = alert({ a: 'again' })
  const group = bornGroup(route, {}, gone, 0)
  group.alerts[again.fingerprint] = again
  const flush = bornFlush(group, route, 1000)
  group.alerts[again.fingerprint] = { ...again, updatedAt: 1001 }
  forgetResolved(group, flush)
  t.deepEqual(Object.keys(group.alerts), [again.fingerprint])
})

test('the waits between attempts grow to a minute', (t) => {
  t.deepEqual([1, 2, 3, 20].map(backoff), [500, 750, 1125, 60_000])
})

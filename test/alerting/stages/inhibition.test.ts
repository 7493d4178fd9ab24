import test from 'ava'
import fc from 'fast-check'
import { ingest, isResolved, type Alert } from '../../../alerting/stages/alerts.ts'
import { createInhibitor, type InhibitRule } from '../../../alerting/stages/inhibition.ts'
import { labelOf, type Labels } from '../../../alerting/stages/labels.ts'
import { matchesAll } from '../../../alerting/stages/matcher.ts'
import { parseMatchers } from '../../../alerting/stages/matchers.ts'

/** The documented rule, by asking every alert. */
function mutes(rule: InhibitRule, source: Alert, labels: Labels, now: number): boolean {
  const twoSided = (one: Labels) => matchesAll(rule.source, one) && matchesAll(rule.target, one)
  return (
    !isResolved(source, now) &&
    matchesAll(rule.source, source.labels) &&
    matchesAll(rule.target, labels) &&
    rule.equal.every((name) => labelOf(source.labels, name) === labelOf(labels, name)) &&
    !(twoSided(source.labels) && twoSided(labels))
  )
}

const value = fc.constantFrom('', 'a', 'b', 'c')
const labels = fc.record({ s: value, t: value, e: value, n: fc.constantFrom('1', '2') })
const side = fc
  .constantFrom('s=a', 's=~"a|b"', 's!=c', 't=b', 't=""', 's=~"b|c",t!=a')
  .map(parseMatchers)
const rule = fc.record({
  source: side,
  target: side,
  equal: fc.constantFrom([], ['e'], ['e', 't'], ['missing']),
})
const step = fc.record({
  labels,
  wait: fc.integer({ min: 0, max: 20 }),
  lasts: fc.integer({ min: 0, max: 60 }),
  remove: fc.boolean(),
})

test('the index finds a source exactly where asking all alerts finds one', (t) => {
  fc.assert(
    fc.property(
      fc.array(rule, { maxLength: 3 }),
      fc.array(step, { maxLength: 25 }),
      (rules, steps) => {
        const inhibitor = createInhibitor(rules)
        const alerts = new Map<string, Alert>()
        let now = 0
        for (const { labels, wait, lasts, remove } of steps) {
          now += wait
          const alert = ingest({ labels, startsAt: now, endsAt: now + lasts }, now, 0)
          const kept = alerts.get(alert.fingerprint)
          if (remove && kept) {
            alerts.delete(kept.fingerprint)
            inhibitor.remove(kept)
          } else {
            alerts.set(alert.fingerprint, alert)
            inhibitor.set(alert)
          }
          for (const target of alerts.values()) {
            const wanted = [...alerts.values()].filter((source) =>
              rules.some((rule) => mutes(rule, source, target.labels, now)),
            )
            const by = inhibitor.inhibitedBy(target.labels, now)
            if (by === undefined) t.deepEqual(wanted, [])
            else t.true(wanted.some(({ fingerprint }) => fingerprint === by))
          }
        }
      },
    ),
    { numRuns: 300 },
  )
})

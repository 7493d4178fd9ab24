import { parseArgs } from 'node:util'
import { openEngine } from '../../alerting/engine.ts'
import { compileRules } from '../../alerting/rules/compile.ts'
import { type RuleDeclaration } from '../../alerting/rules/rule.ts'
import type { SignalBucket } from '../../pipeline/event.ts'
import { encodeBuckets, type SignalRecord } from '../../pipeline/signal-records.ts'
import type { SignalDeclarations } from '../../pipeline/signals.ts'
import { heapMb, say } from '../measure.ts'

/*
 * What one evaluation of many rules over many services costs, at a part of the size, and at the whole: by the engine that
 * runs live and in back-tests, from the records of the bus to the states of alerts. A twentieth of the services is ill.
 *
 *   npm run bench:rules -- --services 5000 --rules 50
 */
const { values } = parseArgs({
  options: {
    services: { type: 'string', default: '5000' },
    rules: { type: 'string', default: '50' },
  },
})
const [services, rules] = [Number(values.services), Number(values.rules)]
const intervalMs = 5000
const rounds = 6
const start = Date.UTC(2026, 0, 1)

/** Two of ten rules read two signals. */
function declared(count: number): { signals: SignalDeclarations; rules: RuleDeclaration[] } {
  const signals: SignalDeclarations = {}
  for (let n = 0; n < count; n++) {
    const base = { from: 'logs', where: '', overMs: 60_000, by: ['service'] } as const
    signals[`s${n}`] = { ...base, by: [...base.by], measure: n % 2 ? 'rate' : 'count' }
  }
  const declaredRules = Array.from({ length: count }, (_, n) => ({
    alert: `Rule${n}`,
    when: n % 5 === 4 ? `s${n} > 15 && s${n - 1} < 1e9` : `s${n} > 15`,
    forMs: n % 2 ? 10_000 : 0,
    keepFiringForMs: 0,
    labels: { severity: 'page' },
    annotations: { summary: '{{ service }} has {{ value | humanize }}' },
  }))
  return { signals, rules: declaredRules }
}

function run(ofServices: number, ofRules: number) {
  const { signals, rules: declaredRules } = declared(ofRules)
  const before = heapMb()
  const engine = openEngine({
    signals,
    rules: compileRules(declaredRules, signals),
    intervalMs,
    partitions: () => 1,
    restored: { states: [], through: start },
  })
  let offset = 0
  const give = (headers: Record<string, string>, value: Uint8Array): SignalRecord => ({
    offset: offset++,
    headers,
    value,
  })
  let [taking, evaluating] = [0, 0]
  for (let round = 0; round < rounds; round++) {
    const from = start + round * intervalMs
    for (const name of Object.keys(signals)) {
      const buckets = Array.from({ length: ofServices }, (_, service): SignalBucket => ({
        signal: name,
        group: { service: `/team-${service % 40}/service-${service}` },
        from,
        to: from + intervalMs,
        partition: 0,
        count: service % 20 === 0 ? 1000 : 1,
        lastMs: from + 100,
      }))
      const record = give({ kind: 'bucket' }, encodeBuckets(buckets))
      const began = process.cpuUsage()
      engine.take([record])
      const { user, system } = process.cpuUsage(began)
      taking += user + system
    }
    const through = { topic: 'logs', partition: 0, through: from + intervalMs }
    engine.take([give({ kind: 'watermark' }, Buffer.from(JSON.stringify(through)))])
    const began = process.cpuUsage()
    while (engine.step());
    const { user, system } = process.cpuUsage(began)
    evaluating += user + system
  }
  const states = engine.states().length
  const heap = heapMb() - before
  return { taking: taking / rounds / 1000, evaluating: evaluating / rounds / 1000, states, heap }
}

run(Math.ceil(services / 16), Math.ceil(rules / 4))
let first: number | undefined
for (const share of [16, 4, 1]) {
  const count = Math.ceil(services / share)
  const { taking, evaluating, states, heap } = run(count, rules)
  const perPair = (evaluating * 1e6) / (count * rules)
  first ??= perPair
  say(
    `${count} services × ${rules} rules: an evaluation, CPU ms`,
    `${evaluating.toFixed(0)} (${perPair.toFixed(0)} ns a service and rule, ${(perPair / first).toFixed(2)} of the smallest)`,
  )
  say('  taking the buckets of five seconds, CPU ms', taking.toFixed(0))
  say('  of a core', `${((taking + evaluating) / (intervalMs / 100)).toFixed(1)} %`)
  say('  alerts, heap MB', `${states}, ${heap.toFixed(0)}`)
}

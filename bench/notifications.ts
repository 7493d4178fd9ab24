import { readStagesConfig } from '../alerting/stages/config.ts'
import { createDispatcher, type Dispatcher } from '../alerting/stages/dispatch.ts'
import { heapMb, say } from './measure.ts'

/*
 * What a great failure costs the notifier: ten thousand alerts that fire at once, in a group for each service and in one
 * group with all, with silences and inhibition at work; then all are posted again, and then they resolve.
 */
const alerts = 10_000
const services = 500
const silences = 500
const start = Date.UTC(2026, 0, 1)

function configOf(groupBy: string) {
  const config = `
route: {receiver: hook, group_by: [${groupBy}], group_wait: 30s, group_interval: 5m, repeat_interval: 4h}
receivers: [{name: hook, webhook_configs: [{url: 'http://127.0.0.1/'}]}]
inhibit_rules:
- {source_matchers: [severity=critical], target_matchers: [severity=warning], equal: [service, alertname]}
`
  return readStagesConfig(config, 'bench')
}

const labels = Array.from({ length: alerts }, (_, n) => ({
  alertname: `Alert${n % 20}`,
  service: `service-${n % services}`,
  instance: `10.0.${n >> 8}.${n & 255}:9100`,
  job: `job-${n % 7}`,
  severity: n % 3 ? 'warning' : 'critical',
}))

/** Posts all at `now`; they end at `end`. */
function postAll(dispatcher: Dispatcher, now: number, end: number): void {
  for (let from = 0; from < alerts; from += 64) {
    const batch = labels.slice(from, from + 64)
    dispatcher.post(
      batch.map((one) => ({ labels: one, startsAt: start, endsAt: end })),
      now,
    )
  }
}

/** Runs to `end`, every notification sent at once; gives their number and that of the alerts in them. */
function runTo(dispatcher: Dispatcher, end: number): string {
  let [sent, told] = [0, 0]
  for (let due = dispatcher.nextDue(); due !== undefined && due <= end;) {
    for (const { id, alerts: some } of dispatcher.advance(due)) {
      sent++
      told += some.length
      dispatcher.answer(id, 'sent', due)
    }
    due = dispatcher.nextDue()
  }
  return `${sent} notifications of ${told} alerts`
}

function measure<T>(name: string, work: () => T, words: (result: T) => string = () => ''): T {
  const before = performance.now()
  const result = work()
  const ms = performance.now() - before
  say(name, `${ms.toFixed(0).padStart(6)} ms  ${words(result)}`)
  return result
}

function run(groupBy: string): void {
  say(`group_by: [${groupBy}]`, '')
  const before = heapMb()
  const dispatcher = createDispatcher(configOf(groupBy), start)
  for (let n = 0; n < silences; n++) {
    const matchers = [{ name: 'service', op: '=', value: `service-${n}-other` }] as const
    const asked = {
      matchers,
      startsAt: start,
      endsAt: start + 3_600_000,
      createdBy: '',
      comment: '',
    }
    dispatcher.silences.set(asked, start, `silence-${n}`)
  }
  const minute = 60_000
  measure('  posted', () => postAll(dispatcher, start, start + 5 * minute))
  measure('  first flush', () => runTo(dispatcher, start + minute), String)
  measure('  posted again', () => postAll(dispatcher, start + minute, start + 6 * minute))
  measure('  a flush without news', () => runTo(dispatcher, start + 5.9 * minute), String)
  say('  heap', `${(heapMb() - before).toFixed(1).padStart(6)} MB`)
  const now = start + 5.9 * minute
  const written = measure(
    '  state as JSON',
    () => JSON.stringify(dispatcher.state(now)),
    (text) => `${(text.length / 1e6).toFixed(1)} MB`,
  )
  const restored = measure('  restored', () =>
    createDispatcher(
      configOf(groupBy),
      now,
      JSON.parse(written) as ReturnType<Dispatcher['state']>,
    ),
  )
  measure('  all resolve', () => runTo(restored, start + 60 * minute), String)
}

run('service')
run('')
run('...')

import test from 'ava'
import { canaryService } from '../../pipeline/canary.ts'
import { manualClock } from '../../pipeline/clock.ts'
import { msToIso, type LogDoc } from '../../pipeline/event.ts'
import { openMetrics } from '../../pipeline/metrics.ts'
import type { LogQuery } from '../../pipeline/store/store.ts'
import { openCanaryWatch } from '../../processors/canary.ts'
import { someTime, until } from '../helpers/pipeline.ts'

const head = (agent: string, ms: number, service: string = canaryService) => ({
  identity: { service, agent },
  time: [msToIso(ms - 1000), msToIso(ms)] as [string, string],
})

test('how long a line takes until a search finds it, the slowest host’s', async (t) => {
  const clock = manualClock(someTime)
  const found = new Set<string>()
  const asked: LogQuery[] = []
  const search = async (query: LogQuery) => {
    asked.push(query)
    return { hits: [...found].map((host) => ({ 'host.name': host }) as unknown as LogDoc) }
  }
  const metrics = openMetrics()
  const watch = openCanaryWatch({ store: { search }, clock, metrics })
  t.is(watch.seconds(), undefined)
  watch.stored(head('a', someTime - 500, '/shop/web'))
  t.is(asked.length, 0, 'only the canary’s lines are looked for')
  watch.stored(head('a', someTime - 500))
  watch.stored(head('b', someTime - 2500))
  await until('it is looked for', () => asked.length > 4)
  t.deepEqual(asked[0]?.services, [canaryService])
  t.is(asked[0]?.from, someTime - 500)
  found.add('a')
  await until('one is found', () => watch.seconds() !== undefined)
  t.is(watch.seconds(), 0.5)
  found.add('b')
  await until('the other is found', () => watch.seconds() === 2.5)
  const { values } = await metrics.end_to_end_seconds.get()
  t.is(values.find(({ metricName }) => metricName?.endsWith('_sum'))?.value, 3)
  clock.set(someTime + 11 * 60_000)
  t.is(watch.seconds(), undefined, 'hosts of which nothing comes are forgotten')
  await watch.close()
})

test('a line that cannot be found is told, a search that fails is tried again', async (t) => {
  const clock = manualClock(someTime)
  let fails = true
  let searches = 0
  const search = async () => {
    searches++
    if (fails) throw new Error('away')
    return { hits: [] }
  }
  const watch = openCanaryWatch({ store: { search }, clock, metrics: openMetrics() })
  watch.stored(head('a', someTime))
  await until('it was looked for', () => searches > 1)
  fails = false
  t.is(watch.trouble(), undefined)
  clock.set(someTime + 61_000)
  t.regex(watch.trouble() ?? '', /^a line of a was stored, and no search finds it/)
  await watch.close()
})

import test from 'ava'
import { streamedAnswer } from '../../cli/streamed.ts'
import type { Source } from '../../cli/source.ts'
import { manualClock } from '../../pipeline/clock.ts'
import { openTerminal } from './terminal.ts'

test('how far it is, is told every two seconds, and not at all of what is quick', async (t) => {
  const { io, printed } = openTerminal()
  const clock = manualClock(0)
  async function* lines() {
    for (const [ms, progress] of [
      [100, 0.3],
      [1800, 0.5],
      [200, 0.62],
      [1900, 0.7],
      [100, 0.8],
    ] as const) {
      clock.set(clock.now() + ms)
      yield { progress }
    }
    yield { answer: { done: true } }
  }
  const source = { api: { postStream: async () => lines() } } as unknown as Source
  const asked = { path: '/', question: {}, what: 'test' }
  t.deepEqual(await streamedAnswer(source, asked, { io: { ...io, clock } }), { done: true })
  t.is(printed.err, 'mesoscope: 62 % of the past is read\nmesoscope: 80 % of the past is read\n')
})

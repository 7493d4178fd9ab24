import test from 'ava'
import { openPump, type Input } from '../../collectors/pump.ts'
import { silentLog } from '../../pipeline/log.ts'
import { openMetrics } from '../../pipeline/metrics.ts'
import { openRecording, openRecordingSink, until } from './recording-sink.ts'

function openFakeInput(service: string): Input & { throughMs: number; next?: Promise<boolean> } {
  const input: Input & { throughMs: number; next?: Promise<boolean> } = {
    throughMs: 0,
    read: () => input.next ?? Promise.resolve(false),
    take: () => undefined,
    readThrough: () => input.throughMs,
    waitingSince: () => undefined,
    ended: () => false,
    service: () => service,
    close() {},
  }
  return input
}

test('who is behind is told with service, input and cause; an input that never answers is named', async (t) => {
  let nowMs = Date.UTC(2026, 10, 27, 3)
  const clock = { now: () => nowMs }
  const [web, db, hung] = [openFakeInput('/web'), openFakeInput('/db'), openFakeInput('/hung')]
  const pump = openPump({
    name: 'files',
    sink: openRecordingSink(openRecording()),
    clock,
    metrics: openMetrics(),
    log: silentLog,
    discover: () => Promise.resolve(true),
    idleMs: () => 1,
  })
  web.throughMs = db.throughMs = nowMs
  pump.inputs.set('/logs/web', web)
  pump.inputs.set('/logs/db', db)
  t.deepEqual(pump.lags(), [])
  nowMs += 7000
  web.throughMs = nowMs
  t.deepEqual(pump.lags(), [{ service: '/db', input: '/logs/db', seconds: 7 }])
  db.next = Promise.reject(new Error('no'))
  db.next.catch(() => {})
  await until('the failure', () => pump.lags()[0]?.trouble !== undefined)
  t.regex(pump.lags()[0]?.trouble ?? '', /^\/logs\/db cannot be read \(no\)/)

  const answer = Promise.withResolvers<boolean>()
  hung.next = answer.promise
  hung.throughMs = nowMs
  pump.inputs.clear()
  pump.inputs.set('/nfs/hung', hung)
  t.is(pump.trouble()?.includes('/nfs/hung'), false)
  await until('it is being read', () => {
    nowMs += 1000
    return pump.trouble()?.startsWith('/nfs/hung has not been answered') === true
  })
  hung.next = Promise.resolve(false)
  answer.resolve(false)
  await until('it goes on', () => pump.trouble()?.startsWith('/nfs/hung') !== true)
  await pump.close()
})

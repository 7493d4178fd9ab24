import test from 'ava'
import { openMeter, parsePs, psMeter } from '../../../playground/mesos/measure.ts'
import { parseTcp } from '../../../playground/mesos/listening.ts'

test('what ps prints is read, on Linux as on macOS', (t) => {
  const output = `  4711  53072 00:01:02\n   12 1024   0:00.53\n 99 2048 1-02:00:01\n\nnonsense\n`
  const found = parsePs(output, 7)
  t.deepEqual(
    [...found].map(([pid, { rss, userSeconds, at }]) => [pid, rss, userSeconds, at]),
    [
      [4711, 53_072 * 1024, 62, 7],
      [12, 1024 * 1024, 0.53, 7],
      [99, 2048 * 1024, 93_601, 7],
    ],
  )
})

test('of processes that have ended nothing is told', async (t) => {
  const { measure } = await openMeter()
  const found = await measure([process.pid, 2 ** 22 + 1], 5)
  t.deepEqual([...found.keys()], [process.pid])
  t.like(found.get(process.pid), { at: 5 })
  t.true((found.get(process.pid)?.rss ?? 0) > 10_000_000)
})

test('ps and the files of the kernel agree', async (t) => {
  const at = 7
  const meter = await openMeter()
  const byFiles = (await meter.measure([process.pid], at)).get(process.pid)
  const byPs = (await psMeter.measure([process.pid], at)).get(process.pid)
  if (!byPs) return t.pass('there is no ps here')
  const ratio = byPs.rss / (byFiles?.rss ?? 0)
  t.true(ratio > 0.7 && ratio < 1.3, `${ratio}`)
  t.true(Math.abs(byPs.userSeconds - process.cpuUsage().user / 1e6) < 2)
  t.deepEqual(await psMeter.measure([], at), new Map())
})

test('listening ports are found in what the kernel tells of TCP', (t) => {
  const text = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:7918 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 12 1 0 100 0 0 10 0
   1: 0100007F:9C40 0100007F:7918 01 00000000:00000000 02:000A 00000000     0        0 13 2 0 20 4 30 10 -1
   2: 00000000000000000000000001000000:0050 00000000000000000000000000000000:0000 0A 0 0 0 0 0\n`
  t.deepEqual(parseTcp(text), [31_000, 80])
  t.deepEqual(parseTcp(''), [])
})

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { openCanary } from '../../collectors/canary.ts'
import { wallClock } from '../../pipeline/clock.ts'
import { isoToMs } from '../../pipeline/event.ts'
import { silentLog } from '../../pipeline/log.ts'
import { openMetrics } from '../../pipeline/metrics.ts'
import { tempDir } from '../helpers/pipeline.ts'
import { openRecording, openRecordingSink, until } from './recording-sink.ts'

test('a line is written now and then and collected as any other, through rotations', async (t) => {
  const dir = join(await tempDir(t), 'canary')
  const recording = openRecording()
  const begunMs = Date.now()
  const collector = await openCanary({
    dir,
    intervalMs: 1,
    cluster: 'test',
    sink: openRecordingSink(recording),
    clock: wallClock,
    metrics: openMetrics(),
    log: silentLog,
    redactor: { scan: () => [], redact: (text) => text },
    maxEventBytes: 1024,
    multiline: false,
  })
  await until('a rotation', () => recording.lines.length > 1200, 60_000)
  await collector.close()
  t.is(collector.trouble(), undefined)
  t.like(recording.lines[0], { 'service.name': 'mesoscope/canary', 'log.level': 'unknown' })
  t.true(isoToMs(recording.lines[0]?.['@timestamp'] ?? '') >= begunMs - 1)
  t.true(readFileSync(join(dir, 'canary.log.1')).length >= 64 * 1024)
  const times = recording.lines.map((line) => line['@timestamp'])
  t.deepEqual(times, times.toSorted())
  t.deepEqual([...recording.changes.values()], [], 'no gap')
})

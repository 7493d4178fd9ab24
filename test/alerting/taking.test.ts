import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { createSilences } from '../../alerting/stages/silences.ts'
import { openTaking } from '../../alerting/taking.ts'
import { encodeRequest } from '../../autoscaling/requests.ts'
import { openEmbeddedBus } from '../../pipeline/bus/embedded.ts'
import type { ProducedRecord } from '../../pipeline/bus/bus.ts'
import { manualClock, wallClock } from '../../pipeline/clock.ts'
import { silentLog } from '../../pipeline/log.ts'

test('what is asked of the part that scales is left to it, without a word', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'mesoscope-taking-'))
  const bus = await openEmbeddedBus({ dir, clock: wallClock })
  t.teardown(async () => {
    await bus.close()
    await rm(dir, { recursive: true, force: true })
  })
  await bus.produce('requests', [
    encodeRequest({ kind: 'resume', service: '/shop/web', by: 'ana' }),
    { key: 'riddle', value: Buffer.from('{"kind":"riddle","atMs":1}') },
  ])
  const warned: unknown[] = []
  const written: ProducedRecord[] = []
  const { take } = openTaking({
    bus,
    silences: createSilences([]),
    records: { silences: [], tests: [], requests: undefined },
    posted: [],
    resolveTimeout: 1000,
    post: () => new Set(),
    test: () => {},
    write: async (records) => void written.push(...records),
    clock: manualClock(0),
    log: Object.assign(Object.create(silentLog) as typeof silentLog, {
      warn: (facts: unknown) => warned.push(facts),
    }),
    signal: new AbortController().signal,
  })
  await take()
  t.deepEqual(warned, [{ offset: 1, reason: 'not a request' }])
  t.deepEqual(
    written.map(({ key }) => key),
    ['requests'],
  )
})

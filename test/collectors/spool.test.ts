import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { openSync, writeSync, closeSync, statSync } from 'node:fs'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import test, { type ExecutionContext } from 'ava'
import fc from 'fast-check'
import { openSpool, type Spool, type SpoolOptions } from '../../collectors/spool.ts'
import { openRecent } from '../../collectors/spool-recent.ts'
import { wallClock } from '../../pipeline/clock.ts'
import { Trouble } from '../../pipeline/errors.ts'
import type { ChangeDoc } from '../../pipeline/event.ts'
import { silentLog } from '../../pipeline/log.ts'
import { openMetrics } from '../../pipeline/metrics.ts'
import { fromBusRecord } from '../../pipeline/record.ts'
import { jsonOf, record, tempDir, until } from '../helpers/pipeline.ts'

async function open(t: ExecutionContext, options: Partial<SpoolOptions> = {}) {
  const spool = await openSpool({
    dir: options.dir ?? (await tempDir(t)),
    maxBytes: 2 ** 30,
    whenFull: 'block',
    clock: wallClock,
    metrics: openMetrics(),
    log: silentLog,
    ...options,
  })
  t.teardown(() => spool.close())
  return spool
}

/** Everything behind `after`, as a shipper reads it. */
async function drain(spool: Spool, after = 0) {
  const all = []
  for (let position = after; position < spool.last();) {
    const records = await spool.next(position, 4096)
    all.push(...records)
    position = records.at(-1)?.id ?? position
  }
  return all
}

function sequencesOf(records: Awaited<ReturnType<typeof drain>>) {
  const bySource = new Map<string, number[]>()
  for (const one of records) {
    if (one.topic !== 'logs') continue
    const { source, sequence } = fromBusRecord(one).head
    bySource.set(source, [...(bySource.get(source) ?? []), ...sequence])
  }
  return bySource
}

/** A record with a body of so many bytes. */
function bulk(source: string, first: number, bytes: number) {
  return { ...record({ source, first }), body: new Uint8Array(bytes) }
}

test('what was appended is there after opening again, in its order, with the positions', async (t) => {
  const dir = await tempDir(t)
  const first = await open(t, { dir })
  await first.append({ records: [record({ source: 'a' })], positions: { a: { offset: 1 }, b: 5 } })
  await first.append({
    identities: [{ container: 'c1', service: '/web' }],
    records: [record({ source: 'a', first: 1 })],
    positions: { a: { offset: 2 }, b: null },
  })
  await first.close()

  const again = await open(t, { dir })
  t.deepEqual(again.position('a'), { offset: 2 })
  t.is(again.position('b'), undefined)
  t.deepEqual(again.positions(''), ['a'])
  t.deepEqual(
    (await drain(again)).map(({ topic, key }) => [topic, key]),
    [
      ['logs', 'a'],
      ['identity', 'c1'],
      ['logs', 'a'],
    ],
  )
})

const child = fileURLToPath(new URL('spool-child.ts', import.meta.url))

/** Runs the child until it is dead; returns the newest line it said was accepted, by input. */
async function appendUntilKilled(dir: string, killAt: string, killAfter = Infinity) {
  const process_ = spawn(process.execPath, [child, dir], {
    env: { ...process.env, MESOSCOPE_KILL_AT: killAt },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(process_, 'exit')
  const accepted = new Map<string, number>()
  let lines = 0
  for await (const line of createInterface(process_.stdout)) {
    const [input, sequence] = line.split(' ')
    accepted.set(input as string, Number(sequence))
    if (++lines === killAfter) process_.kill('SIGKILL')
  }
  const [, signal] = (await exited) as [number, string]
  return { accepted, signal }
}

test('killed at any moment, records and positions agree, and what was accepted is there', async (t) => {
  const dir = await tempDir(t)
  const kills: [string, number?][] = [
    ['spool:before-commit:1'],
    ['spool:after-commit:1'],
    ['spool:before-commit:3'],
    ['spool:after-commit:4'],
    ['', 7],
    ['', 40],
  ]
  for (const [killAt, killAfter] of kills) {
    const { accepted, signal } = await appendUntilKilled(dir, killAt, killAfter)
    t.is(signal, 'SIGKILL')
    const spool = await open(t, { dir })
    const sequences = sequencesOf(await drain(spool))
    for (const input of ['a', 'b', 'c']) {
      const there = sequences.get(input) ?? []
      const position = (spool.position(input) as number | undefined) ?? 0
      t.deepEqual(
        there,
        Array.from({ length: position }, (_, i) => [i, i]).flat(),
        `${input} after ${killAt || `${killAfter} lines`}`,
      )
      t.true((accepted.get(input) ?? -1) < position)
    }
    await spool.close()
  }
})

test('when it is full, `block` waits, says so, and goes on when the bus has taken some', async (t) => {
  const metrics = openMetrics()
  const spool = await open(t, { maxBytes: 10_000, metrics })
  for (let i = 0; i < 3; i++) await spool.append({ records: [bulk('a', i, 4000)] })
  let accepted = 0
  const waiting = [3, 4].map(async (i) => {
    await spool.append({ records: [bulk('a', i, 4000)], positions: { a: i } })
    accepted++
  })
  await until('trouble is told', () => spool.trouble() !== undefined)
  t.regex(spool.trouble() as string, /is full \(10000 bytes\).*raise spool\.max_bytes/)
  t.is(accepted, 0)
  t.is(spool.position('a'), undefined)

  await spool.trim((await spool.next(0, 1))[0]?.id as number)
  await until('one more fits', () => accepted === 1)
  await sleep(20)
  t.is(accepted, 1, 'one more, not both: they pass one by one')
  await spool.trim(spool.last())
  await Promise.all(waiting)
  t.is(spool.trouble(), undefined)
  t.is(spool.position('a'), 4)
  t.true((await metrics.registry.metrics()).includes('mesoscope_spool_blocked_seconds_total 0.'))
})

test('finish lets those that wait for room go beyond the bound', async (t) => {
  const spool = await open(t, { maxBytes: 1000 })
  await spool.append({ records: [bulk('a', 0, 2000)] })
  const waiting = spool.append({ records: [bulk('a', 1, 2000)], positions: { a: 2 } })
  await until('it waits', () => spool.trouble() !== undefined)
  spool.finish()
  await waiting
  t.deepEqual(sequencesOf(await drain(spool)), new Map([['a', [0, 0, 1, 1]]]))
})

test('when it is full, `drop_oldest` drops the oldest lines, counts them and tells of them', async (t) => {
  const metrics = openMetrics()
  const spool = await open(t, { maxBytes: 50_000, whenFull: 'drop_oldest', metrics })
  const identity = { service: '/web' }
  const total = 40
  for (let i = 0; i < total; i++) {
    const message = bulk('x', 0, 4000)
    await spool.append({
      records: [{ ...message, head: { ...message.head, source: 'a', sequence: [i, i], identity } }],
    })
  }
  const left = await drain(spool)
  const size = left.reduce((sum, { value }) => sum + value.length, 0)
  t.true(size < 56_000, `${size} bytes`)

  const kept =
    sequencesOf(left)
      .get('a')
      ?.filter((_, i) => i % 2 === 0) ?? []
  const dropped = total - kept.length
  t.deepEqual(
    kept,
    Array.from({ length: kept.length }, (_, i) => dropped + i),
    'the newest are kept',
  )
  const { values } = await metrics.dropped_lines_total.get()
  t.like(values[0], { value: dropped, labels: { stage: 'spool', cause: 'full' } })

  const changes = left
    .filter(({ topic }) => topic === 'changes')
    .map((one) => jsonOf(one) as ChangeDoc)
  const told = changes.map(
    ({ message }) => /sequence (\d+) to (\d+)/.exec(message) as RegExpExecArray,
  )
  t.is(told[0]?.[1], '0')
  t.is(Number(told.at(-1)?.[2]), dropped - 1)
  for (const [i, one] of told.slice(1).entries()) t.is(Number(one[1]), Number(told[i]?.[2]) + 1)
  t.regex(
    changes[0]?.message as string,
    /^\d+ lines of a \(sequence 0 to \d+\) from 2026-11-22T18:00:00\.0{9}Z to 2026-\S+ were dropped/,
  )
  t.like(changes[0], {
    'event.kind': 'drop',
    'event.action': 'dropped',
    'service.name': '/web',
  })
})

for (const [usual, wish, dropped] of [
  ['block', 'drop_oldest', '/wishing'],
  ['drop_oldest', 'block', '/other'],
] as const) {
  test(`when it is full, only the lines of ${dropped} go: usually ${usual}, by its label ${wish}`, async (t) => {
    const dir = await tempDir(t)
    const put = async (spool: Spool, service: string, at: number) => {
      const labels: Record<string, string> =
        service === '/wishing' ? { 'mesoscope.spool': wish } : {}
      const one = bulk(service, at, 4000)
      const identity = { service, labels }
      await spool.append({
        records: [{ ...one, head: { ...one.head, sequence: [at, at], identity } }],
      })
    }
    const first = await open(t, { dir, maxBytes: 50_000, whenFull: usual })
    for (let at = 0; at < 6; at++) {
      await put(first, '/wishing', at)
      await put(first, '/other', at)
    }
    await first.close()
    // What services want is known again after a start.
    const spool = await open(t, { dir, maxBytes: 50_000, whenFull: usual })
    for (let at = 6; at < 10; at++) await put(spool, dropped, at)
    const left = await drain(spool)
    const kept = (service: string) =>
      sequencesOf(left)
        .get(service)
        ?.filter((_, at) => at % 2 === 0)
    const other = dropped === '/other' ? '/wishing' : '/other'
    t.deepEqual(kept(other), [0, 1, 2, 3, 4, 5])
    t.is(kept(dropped)?.at(-1), 9)
    t.true((kept(dropped)?.[0] ?? 0) > 0)
    const told = left
      .filter(({ topic }) => topic === 'changes')
      .map((one) => jsonOf(one) as ChangeDoc)
    t.true(told.length > 0 && told.every((change) => change['service.name'] === dropped))
    t.is(
      told.reduce((sum, change) => sum + Number(change['gap.lines']), 0),
      10 - (kept(dropped)?.length ?? 0),
    )
  })
}

test('what was given to the bus is never dropped; then it waits like `block`', async (t) => {
  const spool = await open(t, { maxBytes: 10_000, whenFull: 'drop_oldest' })
  for (let i = 0; i < 3; i++) await spool.append({ records: [bulk('a', i, 4000)] })
  const taken = await spool.next(0, 2 ** 20)
  t.is(taken.length, 3)
  let accepted = false
  const waiting = spool.append({ records: [bulk('a', 3, 4000)] }).then(() => (accepted = true))
  await until('trouble is told', () => spool.trouble() !== undefined)
  t.false(accepted)
  await spool.trim(3)
  await waiting
  t.deepEqual(sequencesOf(await drain(spool, 3)), new Map([['a', [3, 3]]]))
})

test('appends side by side drop no more than has to be', async (t) => {
  const metrics = openMetrics()
  const spool = await open(t, { maxBytes: 40_000, whenFull: 'drop_oldest', metrics })
  for (let i = 0; i < 11; i++) await spool.append({ records: [bulk('a', i, 4000)] })
  await Promise.all(
    Array.from({ length: 5 }, (_, i) => spool.append({ records: [bulk(`b${i}`, 0, 100)] })),
  )
  const dropped = (await metrics.dropped_lines_total.get()).values[0]?.value ?? 0
  t.true(dropped > 0 && dropped <= 3, `${dropped} dropped`)
})

test('a full disk is waited out: nothing is lost and it goes on by itself', async (t) => {
  if (process.getuid?.() !== 0) {
    t.log('not run: making a small disk takes root')
    return t.pass()
  }
  const dir = await tempDir(t)
  const disk = join(dir, 'disk')
  await mkdir(disk)
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'tmpfs', disk], { stdio: 'ignore' })
  } catch {
    t.log('not run: this machine does not let us mount a small disk')
    return t.pass()
  }
  t.teardown(() => execFileSync('umount', ['-l', disk]))
  const spool = await open(t, { dir: disk })
  await spool.append({ records: [bulk('a', 0, 1000)], positions: { a: 1 } })
  await writeFile(join(disk, 'other'), Buffer.alloc(13 * 2 ** 20))
  let accepted = 1
  const appending = (async () => {
    while (accepted < 40) {
      const records = [bulk('a', accepted, 60_000)]
      await spool.append({ records, positions: { a: accepted + 1 } })
      accepted++
    }
  })()
  await until('trouble is told', () => spool.trouble() !== undefined)
  t.regex(spool.trouble() as string, /no space left for .*spool\.db: free disk space/)
  const before = accepted
  t.is(spool.position('a'), before)

  // Reading and giving up what the bus has taken works meanwhile, or later: it must not lose anything.
  const seen: number[] = []
  let shipped = 0
  const shipping = (async () => {
    while (seen.length < 80) {
      const records = await spool.next(shipped, 200_000)
      const last = records.at(-1)?.id
      if (last === undefined) continue
      await until('trimmed', () =>
        spool.trim(last).then(
          () => true,
          () => false,
        ),
      )
      seen.push(...(sequencesOf(records).get('a') ?? []))
      shipped = last
    }
  })()
  await rm(join(disk, 'other'))
  await Promise.all([appending, shipping])
  t.deepEqual(seen, Array.from({ length: 40 }, (_, i) => [i, i]).flat())
  t.is(spool.trouble(), undefined)
  await spool.close()
})

test('a damaged file is named', async (t) => {
  const dir = await tempDir(t)
  await writeFile(join(dir, 'spool.db'), 'this is no database, whatever its name says'.repeat(100))
  const error = await t.throwsAsync(open(t, { dir }), { instanceOf: Trouble })
  t.regex(error?.message ?? '', /spool\.db is damaged/)
  t.regex(error?.remedy ?? '', /move it away/)
})

test('damage inside the file is told by what touches it', async (t) => {
  const dir = await tempDir(t)
  const first = await open(t, { dir })
  for (let i = 0; i < 20; i++) await first.append({ records: [bulk('a', i, 20_000)] })
  await first.close()
  const file = join(dir, 'spool.db')
  const handle = openSync(file, 'r+')
  for (let at = 8192; at < statSync(file).size; at += 8192)
    writeSync(handle, Buffer.alloc(64, 7), 0, 64, at)
  closeSync(handle)
  const error = await t.throwsAsync(
    async () => {
      const spool = await open(t, { dir })
      await drain(spool)
    },
    { instanceOf: Trouble },
  )
  t.regex(error?.message ?? '', /spool\.db/)
})

test('after an append that can never work, later ones are tried', async (t) => {
  const spool = await open(t)
  const bad = record({ source: 'a' })
  await t.throwsAsync(
    spool.append({ records: [{ ...bad, body: { length: 3 } as unknown as Uint8Array }] }),
  )
  await spool.append({ records: [bad], positions: { a: 1 } })
  t.is(spool.position('a'), 1)
  t.is(spool.trouble(), undefined)
})

test('a closed spool refuses, and lets nobody wait', async (t) => {
  const spool = await open(t, { maxBytes: 100 })
  await spool.append({ records: [bulk('a', 0, 2000)] })
  const appending = spool.append({ records: [bulk('a', 1, 10)] })
  const reading = spool.next(1, 1)
  void appending.catch(() => {})
  void reading.catch(() => {})
  await until('it waits', () => spool.trouble() !== undefined)
  await spool.close()
  await t.throwsAsync(appending, { message: /is closed/ })
  await t.throwsAsync(reading, { message: /is closed/ })
})

test('a reader gets each record once and in order, wherever memory ends and the disk begins', async (t) => {
  const step = fc.oneof(
    fc.record({
      append: fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 1, maxLength: 6 }),
    }),
    fc.record({ read: fc.integer({ min: 1, max: 9000 }) }),
    fc.record({ both: fc.integer({ min: 1, max: 3000 }) }),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
      const spool = await open(t, { recentBytes: 5000 })
      let appended = 0
      let shipped = 0
      const seen: number[] = []
      const append = (sizes: number[]) =>
        Promise.all(sizes.map((size) => spool.append({ records: [bulk('a', appended++, size)] })))
      const read = async (bytes: number) => {
        if (spool.last() === shipped) return
        const records = await spool.next(shipped, bytes)
        shipped = records.at(-1)?.id ?? shipped
        for (const one of records) seen.push(fromBusRecord(one).head.sequence[0])
        if (seen.length % 2 === 0) await spool.trim(shipped)
      }
      for (const one of steps) {
        if ('append' in one) await append(one.append)
        else if ('read' in one) await read(one.read)
        else await Promise.all([append([one.both]), read(one.both)])
      }
      while (seen.length < appended) await read(2000)
      t.deepEqual(
        seen,
        Array.from({ length: appended }, (_, i) => i),
      )
      await spool.close()
    }),
    { numRuns: 12 },
  )
})

test('memory beside the disk stays bounded', (t) => {
  const recent = openRecent(10_000)
  for (let id = 1; id <= 5000; id++) {
    recent.push({ id, topic: 'logs', key: 'a', headers: {}, value: new Uint8Array(100), lines: 1 })
    t.true(recent.bytes() <= 10_000)
  }
  t.is(recent.following(0, 1), undefined, 'the oldest are on the disk only')
  t.deepEqual(
    recent.following(4990, 250)?.map(({ id }) => id),
    [4991, 4992, 4993],
  )
})

test('bodies and documents hold no more memory than their size', async (t) => {
  const spool = await open(t)
  await spool.append({
    records: [record({ source: 'a' })],
    identities: [{ container: 'c', service: '/web' }],
  })
  for (const { value } of await drain(spool)) t.is(value.buffer.byteLength, value.length)
})

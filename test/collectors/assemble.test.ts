import { isDeepStrictEqual } from 'node:util'
import test from 'ava'
import * as fc from 'fast-check'
import {
  lingerMs,
  openAssembler,
  unfinishedMs,
  type Assembler,
  type AssemblerOptions,
  type AssemblerState,
} from '../../collectors/assemble.ts'
import { frameJsonFile, framePlain } from '../../collectors/frame.ts'
import { openRedactor } from '../../collectors/redact.ts'
import { msToIso, type DeadLetter, type LogDoc } from '../../pipeline/event.ts'
import { decodeBody, decodeDocs, type LogRecord } from '../../pipeline/record.ts'

const redactor = openRedactor({ enabled: true, patterns: [] })

function open(options: Partial<AssemblerOptions<number>> = {}): Assembler<number> {
  return openAssembler<number>({
    source: 'c1:o',
    stream: 'stdout',
    identity: { service: '/shop/web', container: 'c1', labels: { team: 'zoë' } },
    eventId: (time, ordinal) => `c1:o:${time.slice(20, 29)}:${ordinal}`,
    multiline: true,
    partsShareTime: true,
    redact: redactor.redact,
    maxEventBytes: 256 * 1024,
    ...options,
  })
}

const timeOf = (n: number) => msToIso(1_795_370_400_000 + n)

/** Pieces as readers push them; places are counted by one. */
function openPusher(assembler: Assembler<number>, nowMs = 0) {
  let place = 0
  return (text: string, { time = place, complete = true, suspect = true, at = nowMs } = {}) => {
    const escaped = Buffer.from(JSON.stringify(text).slice(1, -1)).toString('latin1')
    const begin = place++
    assembler.push({ time: timeOf(time), escaped, complete, suspect, begin, end: begin + 1 }, at)
  }
}

const docsOf = ({ records }: { records: LogRecord[] }) => records.flatMap(decodeDocs)
const messages = (docs: LogDoc[]) => docs.map(({ message }) => message)

test('an event has the keys of LogDoc in their order, and the head tells of all', (t) => {
  const assembler = open()
  const push = openPusher(assembler)
  push('ERROR password=hunter2 für "x"')
  push('\tat a.B')
  push('INFO fine')
  const taken = assembler.take(0, true)
  const [record] = taken.records
  const docs = docsOf(taken)
  t.deepEqual(Object.keys(docs[0] as object), [
    '@timestamp', 'log.level', 'event.id', 'event.sequence', 'log.iostream', 'message', 'tags', 'service.name',
    'container.id', 'labels',
  ]) // prettier-ignore
  t.deepEqual(docs[0], {
    '@timestamp': timeOf(0),
    'log.level': 'error',
    'event.id': `c1:o:${timeOf(0).slice(20, 29)}:0`,
    'event.sequence': 0,
    'log.iostream': 'stdout',
    message: 'ERROR password=[redacted] für "x"\n\tat a.B',
    tags: ['multiline', 'redacted'],
    'service.name': '/shop/web',
    'container.id': 'c1',
    labels: { team: 'zoë' },
  })
  t.false('tags' in (docs[1] as object))
  t.like(record?.head, {
    v: 1,
    source: 'c1:o',
    lineage: assembler.state().lineage,
    sequence: [0, 1],
    time: [timeOf(0), timeOf(2)],
    count: 2,
    levels: { error: 1, info: 1 },
    bytes: decodeBody(record as LogRecord).length,
  })
  t.deepEqual(assembler.state().place, 3)
})

test('events of one time are told apart by their ordinal', (t) => {
  const assembler = open()
  const push = openPusher(assembler)
  for (const text of ['a', 'b', 'c']) push(text, { time: 5 })
  push('d', { time: 6 })
  const ids = docsOf(assembler.take(0, true)).map((doc) => doc['event.id'].split(':').at(-1))
  t.deepEqual(ids, ['0', '1', '2', '0'])
})

test('an event waits for lines that belong to it, a JSON line for nothing but its record', (t) => {
  const assembler = open()
  const push = openPusher(assembler)
  t.is(assembler.waitingSince(), undefined)
  push('ERROR x', { at: 1000 })
  push('\tat y', { at: 1200 })
  t.is(assembler.waitingSince(), 1000)
  t.deepEqual(assembler.take(1200 + lingerMs - 1).records, [])
  t.is(assembler.state().place, undefined)
  t.deepEqual(messages(docsOf(assembler.take(1200 + lingerMs))), ['ERROR x\n\tat y'])
  t.is(assembler.waitingSince(), undefined)
  push('\tat late', { at: 2000 })
  push('{"a":1}', { at: 2000 })
  t.deepEqual(messages(docsOf(assembler.take(2000 + lingerMs))), ['\tat late', '{"a":1}'])
  t.is(assembler.state().place, 4)
})

test('full records are ready at once', (t) => {
  const assembler = open()
  const push = openPusher(assembler)
  for (let n = 0; n < 300; n++) push(`line ${n}`)
  const { records } = assembler.take(0)
  t.deepEqual(
    records.map(({ head }) => head.count),
    [256],
  )
  t.is(assembler.state().place, 256)
  t.is(assembler.state().sequence, 256)
  push('x'.repeat(200_000))
  push('y'.repeat(200_000))
  push('z')
  t.deepEqual(
    assembler.take(0).records.map(({ head }) => head.count),
    [46],
  )
})

test('pieces of one time are a line; a lone newline ends it', (t) => {
  const assembler = open()
  const push = openPusher(assembler)
  push('a'.repeat(16_384), { time: 1, complete: false })
  push('', { time: 1 })
  push('b', { time: 2, complete: false })
  push('c\r', { time: 2, complete: false })
  push('', { time: 2 })
  t.deepEqual(messages(docsOf(assembler.take(0, true))), ['a'.repeat(16_384), 'bc'])
})

test('a secret that is divided by the cut between two pieces is found', (t) => {
  const assembler = open()
  const push = openPusher(assembler)
  push('login passw', { time: 1, complete: false, suspect: false })
  push('ord=hunter2', { time: 1, suspect: false })
  t.deepEqual(messages(docsOf(assembler.take(0, true))), ['login password=[redacted]'])
})

test('a piece of another time ends an unfinished line, where pieces share their time', (t) => {
  const assembler = open()
  const push = openPusher(assembler)
  push('no newline at end', { time: 1, complete: false })
  push('started again', { time: 2 })
  const docs = docsOf(assembler.take(0, true))
  t.deepEqual(messages(docs), ['no newline at end', 'started again'])
  t.deepEqual(
    docs.map(({ tags }) => tags),
    [['unterminated'], undefined],
  )
})

test('a line whose end does not come is released, and its rest is an event of its own', (t) => {
  for (const restart of [false, true]) {
    let assembler = open({ partsShareTime: false })
    openPusher(assembler)('half', { complete: false, at: 0 })
    t.deepEqual(assembler.take(unfinishedMs - 1).records, [])
    const first = docsOf(assembler.take(unfinishedMs))
    t.like(first[0], { message: 'half', tags: ['unterminated'] })
    const state = JSON.parse(JSON.stringify(assembler.state())) as AssemblerState<number>
    if (restart) assembler = open({ partsShareTime: false, state })
    const push = openPusher(assembler)
    push('rest', { time: 7 })
    push('next', { time: 8 })
    const docs = docsOf(assembler.take(0, true))
    t.deepEqual(messages(docs), ['rest', 'next'])
    t.deepEqual(
      docs.map(({ tags }) => tags),
      [['continued'], undefined],
    )
    t.deepEqual(
      docs.map((doc) => doc['event.sequence']),
      [1, 2],
    )
  }
})

test('force gives everything away at once', (t) => {
  const assembler = open()
  openPusher(assembler)('{"half":1}', { complete: false })
  t.like(docsOf(assembler.take(0, true))[0], { message: '{"half":1}', tags: ['unterminated'] })
  t.is(assembler.waitingSince(), undefined)
})

test('no event has more lines or bytes than allowed', (t) => {
  const assembler = open({ maxEventBytes: 1000 })
  const push = openPusher(assembler)
  push('start')
  for (let n = 0; n < 30; n++) push(`  ${'x'.repeat(100)}`)
  const docs = docsOf(assembler.take(0, true))
  t.true(docs.length > 1)
  t.true(docs.every(({ message }) => message.length <= 1000))
  t.is(messages(docs).join('\n').split('\n').length, 31)

  const many = open()
  const pushMany = openPusher(many)
  for (let n = 0; n < 1500; n++) pushMany('\tat x')
  t.deepEqual(
    docsOf(many.take(0, true)).map(({ message }) => message.split('\n').length),
    [1000, 500],
  )
})

test('a line that is too long becomes chunks as it grows, and a dead letter', (t) => {
  const assembler = open({ maxEventBytes: 100_000 })
  const push = openPusher(assembler)
  const line = `ERROR ü😀"${'äb\\"'.repeat(300_000)}`
  push('before', { time: 0 })
  let most = 0
  const docs: LogDoc[] = []
  const dead: DeadLetter[] = []
  const take = (force = false) => {
    const taken = assembler.take(0, force)
    docs.push(...docsOf(taken))
    dead.push(...taken.dead)
    most = Math.max(most, docs.length)
  }
  for (let at = 0; at < line.length; at += 5000) {
    const complete = at + 5000 >= line.length
    push(line.slice(at, at + 5000), { time: 1, complete })
    take()
    if (at > line.length / 2)
      t.true(docs.length > 1, 'chunks are given away before the line is over')
  }
  push('behind', { time: 2 })
  take(true)
  const chunks = docs.slice(1, -1)
  t.is(messages(chunks).join(''), line)
  t.deepEqual(messages(docs).at(-1), 'behind')
  t.deepEqual(
    docs.map((doc) => doc['event.sequence']),
    docs.map((_, n) => n),
  )
  const id = `c1:o:${timeOf(1).slice(20, 29)}:0`
  t.deepEqual(
    chunks.map((doc) => doc['event.id']),
    chunks.map((_, n) => `${id}#${n + 1}`),
  )
  t.deepEqual(
    chunks.map((doc) => doc['log.level']),
    chunks.map((_, n) => (n === 0 ? 'error' : 'unknown')),
  )
  t.true(chunks.every(({ tags }) => tags?.[0] === 'chunk'))
  t.is(dead.length, 1)
  t.like(dead[0], {
    'event.id': `dead:${id}`,
    'event.kind': 'dead',
    origin: 'c1:o at 1',
    bytes: Buffer.byteLength(JSON.stringify(line)) - 2,
  })
  t.true(dead[0]?.reason.includes('max_event_bytes (100000)'))
  t.true(dead[0]?.sample.startsWith('ERROR '))
})

test('a cut does not go through a secret', (t) => {
  const assembler = open({ maxEventBytes: 1000 })
  const push = openPusher(assembler)
  const words = (n: number) => 'word '.repeat(n)
  push(`${words(198)}token=abcdefghijklmnop ${words(100)}`)
  const docs = docsOf(assembler.take(0, true))
  t.is(docs.length, 2)
  t.is(messages(docs).join(''), `${words(198)}token=[redacted] ${words(100)}`)
})

test('a private key is joined and hidden, even without multi-line', (t) => {
  const assembler = open({ multiline: false })
  const push = openPusher(assembler)
  push('-----BEGIN PRIVATE KEY-----')
  push('MIIEvQIBADANBg', { suspect: false })
  push('-----END PRIVATE KEY-----')
  push('ERROR x', { suspect: false })
  push('  indented', { suspect: false })
  t.deepEqual(messages(docsOf(assembler.take(0, true))), [
    '-----BEGIN PRIVATE KEY-----[redacted]',
    'ERROR x',
    '  indented',
  ])
})

test('later records carry the new identity', (t) => {
  const assembler = open()
  const push = openPusher(assembler)
  push('{"n":1}')
  assembler.identify({ service: '/shop/new', container: 'c1' })
  push('{"n":2}')
  const { records } = assembler.take(0, true)
  t.deepEqual(
    records.map(({ head }) => head.identity.service),
    ['/shop/web', '/shop/new'],
  )
  t.deepEqual(
    docsOf({ records }).map((doc) => doc['service.name']),
    ['/shop/web', '/shop/new'],
  )
})

// What follows proves that neither the chunking of the input nor kills change anything.

interface Outcome {
  events: { id: string; sequence: number; message: string; tags: string[] | undefined }[]
  dead: string[]
}

interface Reader {
  open(state: AssemblerState<number> | undefined): Assembler<number>
  /** Frames `bytes` (which begin at `base`) into the assembler; returns the bytes consumed. */
  frame(bytes: Buffer, base: number, atEnd: boolean, into: Assembler<number>, clock: Ticks): number
}

/** Time passes with every piece: records linger to their end, but no event waits long enough to be torn. */
interface Ticks {
  nowMs: number
}
const tickMs = 20

const dockerReader: Reader = {
  open: (state) => open({ maxEventBytes: 150, ...(state ? { state } : {}) }),
  frame: (bytes, base, _atEnd, into, clock) =>
    frameJsonFile(bytes, {
      scan: redactor.scan,
      line: (_stream, time, escaped, complete, suspect, begin, end) =>
        into.push(
          { time, escaped, complete, suspect, begin: base + begin, end: base + end },
          (clock.nowMs += tickMs),
        ),
      bad: (_begin, _end, reason) => {
        throw new Error(reason)
      },
    }),
}

const plainReader: Reader = {
  open: (state) =>
    open({
      maxEventBytes: 150,
      partsShareTime: false,
      eventId: (_time, _ordinal, place) => `file:${place}`,
      ...(state ? { state } : {}),
    }),
  // Parts of a line are handed on as soon as they are longer than 40 bytes (not 64 KiB).
  frame: (bytes, base, atEnd, into, clock) =>
    framePlain(
      bytes,
      {
        scan: redactor.scan,
        line: (escaped, complete, suspect, begin, end) =>
          into.push(
            { time: timeOf(0), escaped, complete, suspect, begin: base + begin, end: base + end },
            (clock.nowMs += tickMs),
          ),
      },
      atEnd,
      40,
    ),
}

const maxKills = 40

/**
 * Reads the input in chunks of these sizes. A negative step is a kill behind a `take`: what was not taken is lost, and
 * reading goes on from the state.
 */
function readAll(reader: Reader, input: Buffer, steps: readonly number[]): Outcome {
  const outcome: Outcome = { events: [], dead: [] }
  let assembler = reader.open(undefined)
  const clock = { nowMs: 0 }
  let at = 0
  let size = 0
  const take = (force: boolean) => {
    const { records, dead } = assembler.take(clock.nowMs, force)
    outcome.dead.push(
      ...dead.map((letter) => `${letter['event.id']} ${letter.bytes} ${letter.sample}`),
    )
    for (const doc of records.flatMap(decodeDocs)) {
      const { message, tags } = doc
      outcome.events.push({ id: doc['event.id'], sequence: doc['event.sequence'], message, tags })
    }
  }
  const kill = () => {
    const state = JSON.parse(JSON.stringify(assembler.state())) as AssemblerState<number>
    assembler = reader.open(state)
    at = state.place ?? 0
    size = 0
  }
  for (let step = 0; at < input.length; step++) {
    // A kill in every step would never reach the end: the steps get longer, and the kills are few.
    size += Math.abs(steps[step % steps.length] as number) * 1.2 ** Math.floor(step / steps.length)
    const end = Math.min(input.length, at + Math.floor(size))
    const consumed = reader.frame(
      input.subarray(at, end),
      at,
      end === input.length,
      assembler,
      clock,
    )
    at += consumed
    if (consumed > 0) size = 0
    if ((steps[step % steps.length] as number) < 0 && step < maxKills) {
      take(false)
      kill()
    }
  }
  take(true)
  return outcome
}

const lineText = fc.oneof(
  { weight: 6, arbitrary: fc.string({ maxLength: 40, unit: 'grapheme' }) },
  { weight: 2, arbitrary: fc.constantFrom('', 'ERROR x', '{"level":"info"}', 'panic: x', 'Traceback (most recent call last):', 'goroutine 1 [running]:', 'java.lang.A: x', 'Caused by: y', 'Unhandled exception:', 'ValueError: z', 'password=hunter2', '-----BEGIN PRIVATE KEY-----', '-----END PRIVATE KEY-----') },
  { weight: 2, arbitrary: fc.string({ maxLength: 30 }).map((text) => `\tat ${text}`) },
  { weight: 1, arbitrary: fc.string({ minLength: 200, maxLength: 900, unit: 'grapheme' }) },
) // prettier-ignore

const linesText = fc.array(
  lineText.map((text) => text.replaceAll(/[\r\n]/g, ' ')),
  { maxLength: 60 },
)

/** Docker's records of a line: pieces of 60 bytes (not 16,384), one time for all. */
function dockerRecords(line: string, index: number): string {
  const time = timeOf(Math.floor(index / 3)).replace(/\.?0+Z$/, 'Z')
  const pieces = Array.from(line).reduce<string[]>(
    (all, character) => {
      const last = all.at(-1) as string
      if (Buffer.byteLength(last + character) > 60) all.push(character)
      else all[all.length - 1] = last + character
      return all
    },
    [''],
  )
  return pieces
    .map((piece, n) => (n === pieces.length - 1 ? `${piece}\n` : piece))
    .map((log) => `${JSON.stringify({ log, stream: 'stdout', time })}\n`)
    .join('')
}

const manySteps = fc.array(
  fc.oneof(fc.integer({ min: 20, max: 900 }), fc.integer({ min: -900, max: -20 })),
  { minLength: 1, maxLength: 12 },
)

/** True if chunking and kills change nothing. */
function staysTheSame(reader: Reader, input: Buffer, steps: readonly number[]): boolean {
  const wanted = readAll(reader, input, [input.length + 1])
  return isDeepStrictEqual(readAll(reader, input, steps), wanted)
}

test('json-file: any chunking and any kills give the same events as reading in one go', (t) => {
  const property = fc.property(linesText, manySteps, (lines, steps) =>
    staysTheSame(dockerReader, Buffer.from(lines.map(dockerRecords).join('')), steps),
  )
  t.notThrows(() => fc.assert(property, { numRuns: 150, endOnFailure: true }))
})

test('plain: any chunking and any kills give the same events as reading in one go', (t) => {
  const property = fc.property(linesText, manySteps, (lines, steps) =>
    staysTheSame(plainReader, Buffer.from(`${lines.join('\r\n')}\n`), steps),
  )
  t.notThrows(() => fc.assert(property, { numRuns: 150, endOnFailure: true }))
})

const labelled = (labels: Record<string, string>) => ({ service: '/web', labels })
const messagesOf = (assembler: Assembler<number>) =>
  assembler.take(99_999, true).records.flatMap((record) => decodeDocs(record))

test('a service says which line begins an event', (t) => {
  const assembler = open({
    multiline: false,
    identity: labelled({ 'mesoscope.multiline': '^\\d{4}-' }),
  })
  const push = openPusher(assembler)
  for (const line of ['2026-1 a', 'b', '', '{"c":1}', '2026-2 d', 'ERROR e']) push(line)
  t.deepEqual(
    messagesOf(assembler).map(({ message }) => message),
    ['2026-1 a\nb\n\n{"c":1}', '2026-2 d\nERROR e'],
  )
})

test('a service says of which level its lines are that tell none', (t) => {
  const assembler = open({ identity: labelled({ 'mesoscope.level': 'debug' }) })
  const push = openPusher(assembler)
  push('nothing told')
  push('ERROR it is')
  t.deepEqual(
    messagesOf(assembler).map((doc) => doc['log.level']),
    ['debug', 'error'],
  )
})

test('of a sample all is counted that is left out; sequences are dense, ids as without it', (t) => {
  const write = (labels: Record<string, string>) => {
    const assembler = open({ identity: labelled(labels) })
    const push = openPusher(assembler)
    for (let n = 0; n < 2000; n++) push(n % 100 === 0 ? `ERROR ${n}` : `fine ${n}`, { time: n })
    const { records } = assembler.take(99_999, true)
    return { records, docs: records.flatMap((record) => decodeDocs(record)) }
  }
  const all = write({})
  const { records, docs } = write({ 'mesoscope.sample': '0.2' })
  t.is(docs.filter((doc) => doc['log.level'] === 'error').length, 20)
  t.true(docs.length > 300 && docs.length < 550, `${docs.length}`)
  t.deepEqual(
    docs.map((doc) => doc['event.sequence']),
    docs.map((_, n) => n),
  )
  const ids = new Set(all.docs.map((doc) => doc['event.id']))
  t.true(docs.every((doc) => ids.has(doc['event.id'])))
  const leftOut = records.reduce((sum, { leftOut: { count = 0 } = {} }) => sum + count, 0)
  t.is(docs.length + leftOut, 2000)
})

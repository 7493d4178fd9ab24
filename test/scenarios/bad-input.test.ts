import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import type { DeadLetter } from '../../pipeline/event.ts'
import { openContainer, openNeighbour, record, timeNow, type Container } from './containers.ts'
import { mesoscope, openScene, until, type Program } from './program.ts'

/*
 * Everything a container, a file or Docker may hand over by mistake or in bad faith, at once, to one program: each
 * line is searchable or is a dead letter that says why and where, and a healthy neighbour does not notice.
 */

const undos: (() => Promise<void>)[] = []
test.after.always(async () => {
  for (const undo of undos) await undo()
})
const scene = openScene({ teardown: (undo) => void undos.push(undo) })
const root = join(scene.dir, 'containers')
const logs = join(scene.dir, 'logs')
mkdirSync(root)
mkdirSync(logs)

interface Case {
  /** Writes what is bad, between a good line before and one after it. */
  write(container: Container): void
  /** What is searchable between those two, of each message the beginning. */
  lines?: string[]
  dead?: { reason: RegExp; bytes?: number }[]
}

const endOf = (time = timeNow()) => `\\n","stream":"stdout","time":"${time}"}\n`
const mebibyte = 2 ** 20

const cases: Record<string, Case> = {
  'bytes that are not UTF-8': {
    write({ raw }) {
      raw(
        Buffer.concat([
          Buffer.from('{"log":"caf'),
          Buffer.from([0xe9, 0xc3]),
          Buffer.from(endOf()),
        ]),
      )
    },
    lines: ['caf\ufffd\ufffd'],
  },
  'a NUL in a record': {
    write: ({ raw }) => raw(`{"log":"a\0b${endOf()}`),
    dead: [{ reason: /^NUL bytes in a record$/ }],
  },
  'a NUL as JSON writes it': {
    write: ({ line }) => line('a\0b'),
    lines: ['a\0b'],
  },
  'a page of NULs, as after a crash': {
    write: ({ raw }) => raw(Buffer.alloc(4096)),
    dead: [{ reason: /^NUL bytes$/, bytes: 4096 }],
  },
  'three million NULs': {
    write: ({ raw }) => raw(Buffer.alloc(3_000_000)),
    dead: [{ reason: /^NUL bytes$/, bytes: 3_000_000 }],
  },
  'what is not JSON': {
    write: ({ raw }) => raw('panic: out of memory\n{"log":1}\n[]\nnull\n'),
    dead: [{ reason: /^not a json-file record$/, bytes: 39 }],
  },
  'a torn record with a good one glued to it': {
    write({ raw, line }) {
      raw('{"log":"half a rec')
      line('glued')
    },
    lines: ['glued'],
    dead: [{ reason: /^a torn record$/, bytes: 18 }],
  },
  '12 MB in one line, in records of 16 KiB': {
    write: ({ line }) => line(`begin ${'x'.repeat(12_000_000)} end`),
    lines: ['begin xxx', ...Array.from({ length: 45 }, () => 'xxx')],
    dead: [
      { reason: /longer than max_event_bytes \(262144\), kept as 46 chunks/, bytes: 12_000_010 },
    ],
  },
  '12 MB in one record': {
    write: ({ raw }) => raw(record(`begin ${'y'.repeat(12_000_000)} end\n`)),
    dead: [{ reason: /no newline within 1048576 bytes|not a json-file record/, bytes: 12_000_081 }],
  },
  'ten thousand keys': {
    write({ line }) {
      const keys = Array.from({ length: 10_000 }, (_, number) => [`key${number}`, number])
      line(JSON.stringify(Object.fromEntries(keys)))
    },
    lines: ['{"key0":0,"key1":1,'],
  },
  'a field that is a number, a text and an object': {
    write({ line }) {
      line('{"status":200}')
      line('{"status":"two hundred"}')
      line('{"status":{"code":200}}')
    },
    lines: ['{"status":200}', '{"status":"two hundred"}', '{"status":{"code":200}}'],
  },
  'JSON of ten thousand levels': {
    write({ line, raw }) {
      line('{"a":'.repeat(10_000) + '1' + '}'.repeat(10_000))
      raw(`{"log":${'['.repeat(10_000)}\n`)
    },
    lines: ['{"a":{"a":{"a":'],
    dead: [{ reason: /^not a json-file record$/, bytes: 10_008 }],
  },
  'escape sequences, markup, carriage returns': {
    write({ line }) {
      line('\u001b[31mred\u001b[0m \u001b]0;owned\u0007 <script>alert(1)</script>')
      line('ended by CRLF\r')
      line('progress 1%\rprogress 2%')
    },
    lines: [
      '\u001b[31mred\u001b[0m \u001b]0;owned\u0007 <script>',
      'ended by CRLF',
      'progress 1%\rprog',
    ],
  },
  'half a surrogate pair': {
    write: ({ raw }) => raw(`{"log":"half \\ud83d${endOf()}`),
    lines: ['half \ud83d'],
  },
  'a record with a time that is none': {
    write: ({ raw }) => raw(record('no time\n', '2026-13-45T99:00:00Z')),
    dead: [{ reason: /^a damaged record$/ }],
  },
}

const written = Object.entries(cases).map(([name, one], index) => {
  const container = openContainer(root, `case-${index}`)
  container.line('a good line before')
  one.write(container)
  container.line('a good line after')
  return { name, ...one, container, service: `/bad/case-${index}` }
})

/** Containers with a description that is odd, by what is wrong with it. */
const described = {
  'no description at all': { config: null },
  'a description cut short': { config: '{"ID":"x","Name":"/web","Conf' },
  'a description of NULs': { config: '\0'.repeat(512) },
  'a description of other types': {
    config: '{"Name":{},"Config":{"Env":{"a":1},"Labels":[1]},"State":7}',
  },
}
const unnamed = Object.entries(described).map(([name, { config }], index) => {
  const container = openContainer(root, `unnamed-${index}`, { config })
  container.line(`the line of ${name}`)
  return { name, container }
})

const hostile = openContainer(root, 'hostile', {
  service: '/hostile"\\<script>\u001b[0m',
  name: '/<script>alert(1)</script>\u001b[31m\n',
  labels: {
    a: 'one',
    'a.b': 'two',
    long: 'z'.repeat(1_000_000),
    '<script>': '</script><img src=x onerror=alert(1)>',
    '\u001b]0;owned\u0007': 'first\r\nsecond',
    constructor: 'not a function',
    ['__proto__']: 'polluted',
  },
})
hostile.line('the line of the hostile one')

const files: Record<string, string | Buffer> = {
  'with space.log': 'of a name with a space\n',
  'with\nnewline.log': 'of a name with a newline\n',
  'with [brackets]*.log': 'of a name with brackets\n',
  '\u001b[31m<script>.log': 'of a name with an escape sequence\n',
  'crlf.log': 'one\r\ntwo\r\n',
  'nul.log': Buffer.from('before\n\0\0\0\0\nafter\n'),
  'not-utf8.log': Buffer.from([0x63, 0x61, 0x66, 0xe9, 0x0a]),
  'empty.log': '',
  'unfinished.log': 'without a newline',
  'long.log': `begin ${'x'.repeat(12_000_000)} end\nafter the long line\n`,
}
for (const [name, content] of Object.entries(files)) writeFileSync(join(logs, name), content)
writeFileSync(join(logs, 'binary.log'), everyByte(300_000))
writeFileSync(
  Buffer.concat([Buffer.from(`${logs}/`), Buffer.from([0xff, 0xfe]), Buffer.from('.log')]),
  'x\n',
)
mkdirSync(join(logs, 'folder.log'))
writeFileSync(join(logs, 'folder.log', 'below.log'), 'below a folder\n')
execFileSync('mkfifo', [join(logs, 'pipe.log')])

function everyByte(length: number): Buffer {
  return Buffer.from(
    Array.from({ length }, (_, at) => (at * 7919 + (at >> 3) * 31 + (at >> 9)) & 255),
  )
}

const neighbour = openNeighbour(root)
undos.push(() => Promise.resolve(neighbour.stop()))

const settings = {
  collectors: {
    docker: [{ root }],
    files: [{ paths: [join(logs, '*.log')], service: 'files' }],
  },
}
let program: Program
test.before(async () => {
  program = await scene.start(settings)
})

/** The dead letters of one file. */
async function deadOf(path: string): Promise<DeadLetter[]> {
  const { dead } = await program.get('/api/dead', { limit: '1000' })
  return dead.filter(({ origin }) => origin.startsWith(`${path} at byte `)).toReversed()
}

const messagesOf = async (service: string, query: Record<string, string> = {}) =>
  (await program.lines(service, query)).map(({ message }) => message)

test('a healthy neighbour is complete, and searchable at once', async (t) => {
  await neighbour.isWhole(program)
  await t.notThrowsAsync(neighbour.isWhole(program))
})

for (const { name, service, container, lines = [], dead = [] } of written) {
  test(`${name}: searchable, or a dead letter with reason and place`, async (t) => {
    const wanted = ['a good line before', ...lines, 'a good line after']
    const messages = await until(`${wanted.length} lines are searchable`, async () => {
      const found = await messagesOf(service)
      return found.length >= wanted.length ? found : undefined
    })
    t.deepEqual(
      messages.map((message, at) => message.slice(0, wanted[at]?.length)),
      wanted,
    )
    for (const { reason, bytes } of dead) {
      const letters = await until(`it is a dead letter: ${reason.source}`, async () => {
        const found = (await deadOf(container.path)).filter((letter) => reason.test(letter.reason))
        const sum = found.reduce((all, letter) => all + letter.bytes, 0)
        return found.length > 0 && (bytes === undefined || sum === bytes) ? found : undefined
      })
      t.true(letters.every(({ sample }) => sample.length <= 4096))
      t.regex(letters[0]?.origin ?? '', / at byte \d+$/)
      t.true(letters.length <= 1 + (bytes ?? 0) / (mebibyte / 2))
    }
    if (dead.length === 0) t.deepEqual(await deadOf(container.path), [])
  })
}

test('containers whose description cannot be read: their lines are there, and health names the file', async (t) => {
  const found = await until('their lines are searchable', async () => {
    const messages = await messagesOf('unresolved')
    return messages.length >= unnamed.length ? messages : undefined
  })
  t.deepEqual(found.toSorted(), unnamed.map(({ name }) => `the line of ${name}`).toSorted())
  const told = await until('health tells', () => program.trouble('collector docker'))
  t.regex(
    told,
    /config\.v2\.json cannot be read \((not JSON|ENOENT)\): its lines are stored as unresolved; mend it/,
  )
  t.true(unnamed.some(({ container }) => told.includes(container.dir)))
  t.is((await program.health()).status, 'amber')
  t.is(await program.metric('unresolved_lines_total'), unnamed.length)
})

test('hostile names and labels are data, cut to size, and do not meet each other', async (t) => {
  const service = '/hostile"\\<script>[0m'
  const [doc] = await until('its line is searchable', async () => {
    const found = await program.lines(service)
    return found.length > 0 ? found : undefined
  })
  const labels = doc?.['labels'] as Record<string, string>
  t.is(labels['a'], 'one')
  t.is(labels['a.b'], 'two')
  t.is(labels['long']?.length, 1024)
  t.is(labels[']0;owned'], 'firstsecond')
  t.is(labels['<script>'], '</script><img src=x onerror=alert(1)>')
  t.is(doc?.['container.name'], '<script>alert(1)</script>[31m')
  const { stdout } = await mesoscope(['logs', service, '--data', program.data])
  t.regex(stdout, /the line of the hostile one/)
})

test('the command line shows no control character of what was collected', async (t) => {
  await until(
    'it is searchable',
    async () => (await messagesOf('/bad/case-12')).length === 5 || undefined,
  )
  await until(
    'there are dead letters',
    async () => (await deadOf(written[1]?.container.path ?? ''))[0],
  )
  const commands = [
    ['logs', '/bad/case-12'],
    ['logs', 'files', '-n', '1000'],
    ['services'],
    ['dead'],
  ]
  for (const command of commands) {
    const { stdout, code } = await mesoscope([...command, '--data', program.data])
    t.is(code, 0)
    // oxlint-disable-next-line no-control-regex -- that is what must not be there
    t.notRegex(stdout, /[\x00-\x08\x0b-\x1f\x7f-\x9f]/, command.join(' '))
  }
  const { stdout } = await mesoscope(['dead', '--json', '-n', '1000', '--data', program.data])
  const { dead } = JSON.parse(stdout) as { dead: DeadLetter[] }
  t.true(dead.some(({ reason }) => reason === 'NUL bytes'))
})

test('plain files of every kind and name are read, and what is no file is left', async (t) => {
  const wanted: [task: string, messages: string[]][] = [
    ['with space.log', ['of a name with a space']],
    ['withnewline.log', ['of a name with a newline']],
    ['with [brackets]*.log', ['of a name with brackets']],
    ['[31m<script>.log', ['of a name with an escape sequence']],
    ['crlf.log', ['one', 'two']],
    ['nul.log', ['before', '\0\0\0\0', 'after']],
    ['not-utf8.log', ['caf\ufffd']],
    ['unfinished.log', ['without a newline']],
  ]
  const byTask = async () =>
    Map.groupBy(await program.lines('files'), (doc) =>
      // oxlint-disable-next-line no-control-regex -- names are compared without them
      String(doc['mesos.task.id']).replaceAll(/[\x00-\x1f]/g, ''),
    )
  const found = await until('all are searchable', async () => {
    const tasks = await byTask()
    const isMissing = wanted.some(([task]) => !tasks.has(task)) || !tasks.has('binary.log')
    return isMissing || tasks.get('long.log')?.length !== 47 ? undefined : tasks
  })
  for (const [task, messages] of wanted) {
    t.deepEqual(
      found.get(task)?.map(({ message }) => message),
      messages,
      task,
    )
  }
  t.is(found.get('long.log')?.at(-1)?.message, 'after the long line')
  t.deepEqual(
    [...found.keys()].filter((task) => /folder|below|pipe|empty/.test(task)),
    [],
  )
  const told = await until('health tells of the name that is not UTF-8', () =>
    program.trouble('collector files'),
  )
  t.regex(told, /\ufffd\.log cannot be read \(ENOENT\): its name is not UTF-8: rename it/)
})

test('numbers tell: dead letters are counted, nothing was dropped, nothing is missing', async (t) => {
  await neighbour.isWhole(program)
  const letters = async () => (await program.get('/api/dead', { limit: '1000' })).dead.length
  await until('the last of them has come', async () => {
    const counted = await program.metric('dead_letters_total')
    return counted >= 20 && counted === (await letters()) ? true : undefined
  })
  t.is(await program.metric('dropped_lines_total'), 0)
  t.deepEqual((await program.get('/api/gaps')).gaps, [])
  program.alive()
})

/** Lines by service and dead letters, as they are stored. */
async function stored(of: Program) {
  const { services } = await of.get('/api/services')
  const { dead } = await of.get('/api/dead', { limit: '1000' })
  const counts = services.map(({ service, lines }) => `${service} ${lines}`).toSorted()
  return { counts, dead: dead.map((letter) => letter['event.id']).toSorted() }
}

test.after('started again on all of it, it reads nothing twice', async (t) => {
  neighbour.stop()
  await neighbour.isWhole(program)
  const before = await stored(program)
  t.is(await program.stop(), 0)
  const again = await scene.start(settings)
  await neighbour.isWhole(again)
  const index = before.counts.findIndex((count) => count.startsWith(neighbour.service))
  const after = await stored(again)
  // The neighbour alone has written one more line.
  t.is(after.counts.length, before.counts.length)
  t.deepEqual(after.counts.toSpliced(index, 1), before.counts.toSpliced(index, 1))
  t.deepEqual(after.dead, before.dead)
  t.is(await again.stop(), 0)
})

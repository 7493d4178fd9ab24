import { execFileSync } from 'node:child_process'
import { closeSync, constants, openSync, readFileSync, readSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import fc from 'fast-check'
import { commandLine, writeCommands } from '../../../../alerting/channels/nagios/command-file.ts'
import { cleanName } from '../../../../alerting/channels/nagios/state.ts'
import { Trouble } from '../../../../pipeline/errors.ts'
import { tempDir } from '../../world.ts'

const nowMs = 1_700_000_000_999
const web = { host: 'mesoscope', service: 'HighErrorRate /shop/web', code: 2 }

test('a result of a service, and one of a host', (t) => {
  t.is(
    commandLine({ ...web, output: 'errors > 5; see page' }, nowMs),
    '[1700000000] PROCESS_SERVICE_CHECK_RESULT;mesoscope;HighErrorRate /shop/web;2;errors > 5; see page\n',
  )
  t.is(
    commandLine({ host: 'mesoscope', code: 0, output: '' }, nowMs),
    '[1700000000] PROCESS_HOST_CHECK_RESULT;mesoscope;0;\n',
  )
})

/** What Nagios makes of a command (base/commands.c): fields, and the output with its escapes undone. */
function understood(line: string) {
  const [, ts, command, host, service, code, output = ''] =
    /^\[(\d+)\] (\w+);([^;]*);([^;]*);(\d);([^]*)\n$/.exec(line) ?? []
  const text = output.replace(/\\(\\|n)/g, (_, which) => (which === 'n' ? '\n' : '\\'))
  return { ts, command, host, service, code, text }
}

test('whatever a label or a text is, it is one command of one line, and Nagios gets the text back', (t) => {
  const any = fc.string({
    unit: fc.oneof(
      fc.constantFrom(';', '\n', '\\', '|', '[', 'n', '\r'),
      fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
    ),
  })
  fc.assert(
    fc.property(any, any, (label, output) => {
      const service = `A ${cleanName(label)}`
      const line = commandLine({ ...web, service, output }, nowMs)
      t.is(line.indexOf('\n'), line.length - 1)
      t.deepEqual(understood(line), {
        ts: '1700000000',
        command: 'PROCESS_SERVICE_CHECK_RESULT',
        host: 'mesoscope',
        service,
        code: '2',
        text: output,
      })
    }),
    { numRuns: 500 },
  )
})

test('a line never is longer than the kernel writes in one piece, and ends with whole escapes', (t) => {
  for (const output of [
    'é'.repeat(5000),
    '🚨'.repeat(5000),
    '\\'.repeat(5000),
    'a' + '\\'.repeat(5000),
  ]) {
    const line = commandLine({ ...web, output }, nowMs)
    const bytes = Buffer.byteLength(line)
    t.true(bytes <= 4096 && bytes > 4090, `${bytes} bytes`)
    t.true(output.startsWith(understood(line).text))
  }
})

async function pipeIn(t: ExecutionContext): Promise<string> {
  const path = join(await tempDir(t), 'nagios.cmd')
  execFileSync('mkfifo', [path])
  return path
}

/** Reads and writes, as Nagios opens it. */
function reader(t: ExecutionContext, path: string): number {
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK)
  t.teardown(() => closeSync(fd))
  return fd
}

test('who reads the pipe gets the lines', async (t) => {
  const path = await pipeIn(t)
  const fd = reader(t, path)
  await writeCommands(path, ['one\n', 'two\n'])
  const read = Buffer.alloc(100)
  t.is(read.toString('utf8', 0, readSync(fd, read)), 'one\ntwo\n')
})

test('nobody reads: told at once, and later it may go', async (t) => {
  const error = await t.throwsAsync(writeCommands(await pipeIn(t), ['one\n']), {
    instanceOf: Trouble,
    message: /nobody reads it/,
  })
  t.true(error.retryable)
})

test('a reader that is stuck: told at once, with all earlier lines whole', async (t) => {
  const path = await pipeIn(t)
  const fd = reader(t, path)
  const line = `${'x'.repeat(4095)}\n`
  await t.throwsAsync(
    writeCommands(
      path,
      Array.from({ length: 100 }, () => line),
    ),
    {
      instanceOf: Trouble,
      message: /it is full/,
    },
  )
  const read = Buffer.alloc(1_000_000)
  const length = readSync(fd, read)
  t.is(length % 4096, 0)
})

test('there is none: Nagios removes it when it ends', async (t) => {
  const path = join(await tempDir(t), 'nagios.cmd')
  await t.throwsAsync(writeCommands(path, ['one\n']), { message: /not there: Nagios does not run/ })
})

test('a plain file is left alone', async (t) => {
  const path = join(await tempDir(t), 'nagios.cmd')
  writeFileSync(path, 'precious')
  const error = await t.throwsAsync(writeCommands(path, ['one\n']), {
    instanceOf: Trouble,
    message: /is no named pipe/,
  })
  t.false(error.retryable)
  t.is(readFileSync(path, 'utf8'), 'precious')
})

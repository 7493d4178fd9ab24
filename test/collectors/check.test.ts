import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { parseCheckOutput } from '../../collectors/check-output.ts'
import { openCheck, type CheckOptions } from '../../collectors/check.ts'
import { runCommand } from '../../collectors/run-command.ts'
import { wallClock } from '../../pipeline/clock.ts'
import { silentLog } from '../../pipeline/log.ts'
import { checkMetric } from '../../pipeline/metric-names.ts'
import { openMetrics } from '../../pipeline/metrics.ts'
import { decodeSamples } from '../../pipeline/sample.ts'
import type { ChangeDoc, SampleDoc } from '../../pipeline/event.ts'
import type { Sink } from '../../collectors/sink.ts'
import { until } from './recording-sink.ts'

const outputs: [string, string, object][] = [
  ['text alone', 'PING OK - all fine\n', { summary: 'PING OK - all fine', values: [] }],
  [
    'the example of check_disk',
    'DISK OK - free space: / 3326 MB (56%); | /=2643MB;5948;5958;0;5968\n/ 15272 MB (77%);\n/boot 68 MB (69%);\n/home 69357 MB (27%); | /boot=68MB;88;93;0;98\n/home=69357MB;253404;253409;0;253414\n',
    {
      summary: 'DISK OK - free space: / 3326 MB (56%);',
      details: '/ 15272 MB (77%);\n/boot 68 MB (69%);\n/home 69357 MB (27%);',
      values: [
        ['/', 2643 * 1024 ** 2],
        ['/boot', 68 * 1024 ** 2],
        ['/home', 69357 * 1024 ** 2],
      ],
    },
  ],
  [
    'units, quoted labels, what could not be found out',
    "X|time=12.5ms;;;0 'a b'=3 'it''s'=1,5s load1=0.030;15;30 pct=56%;80 n=7c gone=U;1;2 neg=-4\r\n",
    {
      values: [
        ['time', 0.0125],
        ['a b', 3],
        ["it's", 1.5],
        ['load1', 0.03],
        ['pct', 56],
        ['n', 7],
        ['neg', -4],
      ],
      misunderstood: [],
    },
  ],
  [
    'what is no performance data is told',
    'X|a=1 b=many c',
    { values: [['a', 1]], misunderstood: ['b=many', 'c'] },
  ],
  ['nothing', '', { summary: '', details: '', values: [] }],
]

for (const [title, output, expected] of outputs) {
  test(`output: ${title}`, (t) => {
    const parsed = parseCheckOutput(output)
    t.like({ ...parsed, values: [...parsed.values] }, expected)
  })
}

test('labels become names of metrics', (t) => {
  t.is(checkMetric('/var used'), 'check./var_used')
  t.is(checkMetric('rta'), 'check.rta')
  t.is(checkMetric('état'), 'check.état')
  t.is(checkMetric('state'), undefined, 'it is ours')
  t.is(checkMetric('\u001b\n'), undefined)
})

const never = new AbortController().signal
const run = (command: string[], timeoutMs = 5000, signal = never) =>
  runCommand(command, { timeoutMs, signal })

test('a command has no shell; its exit code and what it says on both streams are kept', async (t) => {
  t.deepEqual(await run(['echo', '$HOME; id']), {
    exitCode: 0,
    output: '$HOME; id\n',
    failure: undefined,
  })
  t.like(await run(['sh', '-c', 'echo a; sleep 0.05; echo b >&2; exit 2']), {
    exitCode: 2,
    output: 'a\nb\n',
  })
  const { output } = await run(['sh', '-c', 'yes | head -c 1000000'])
  t.is(output.length, 64 * 1024)
})

test('what cannot begin, is killed or takes too long has no exit code', async (t) => {
  t.like(await run(['/nonexistent/check']), {
    exitCode: undefined,
    failure: 'spawn /nonexistent/check ENOENT',
  })
  t.like(await run(['sh', '-c', 'kill -9 $$']), {
    exitCode: undefined,
    failure: 'ended by SIGKILL',
  })
  t.like(await run(['sh', '-c', 'echo half; sleep 60'], 200), {
    exitCode: undefined,
    output: 'half\n',
    failure: 'no answer within 0.2 s',
  })
})

test('what a command left in the background ends with it', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'mesoscope-check-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  const late = join(dir, 'late')
  const result = await run(['sh', '-c', `(sleep 1; touch ${late}) & echo done`])
  t.like(result, { exitCode: 0, output: 'done\n', failure: undefined })
  await run(['sleep', '1.3'])
  t.false(existsSync(late))
})

/** What reached the disk, over several starts. */
function openDisk() {
  const disk = {
    samples: [] as SampleDoc[],
    changes: [] as ChangeDoc[],
    positions: new Map<string, unknown>(),
  }
  const sink: Sink = {
    async append({ samples = [], changes = [], positions = {} }) {
      disk.samples.push(...samples.flatMap(decodeSamples))
      disk.changes.push(...changes)
      for (const [key, value] of Object.entries(positions)) disk.positions.set(key, value)
    },
    position: (key) => disk.positions.get(key),
    positions: (prefix) => [...disk.positions.keys()].filter((key) => key.startsWith(prefix)),
  }
  return { ...disk, sink }
}

async function open(t: ExecutionContext, sink: Sink, more: Partial<CheckOptions>) {
  const check = await openCheck({
    check: 'disk',
    command: ['true'],
    interval: 50,
    timeout: 5000,
    service: 'host',
    sink,
    clock: wallClock,
    metrics: openMetrics(),
    log: silentLog,
    ...more,
  })
  t.teardown(() => check.close())
  return check
}

test('each run is a sample, each change of the state a change, also over a restart', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'mesoscope-check-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  const script = join(dir, 'check')
  const says = (exit: number, text: string) => writeFileSync(script, `echo '${text}'; exit ${exit}`)
  const disk = openDisk()
  const actions = () => disk.changes.map((change) => change['event.action'])
  const command = ['sh', script]
  says(0, 'DISK OK | /=10MB')
  const first = await open(t, disk.sink, { command, retention: 'brief' })
  await until('two samples', () => disk.samples.length >= 2)
  t.deepEqual(actions(), [])
  t.like(disk.samples[0], {
    metrics: { 'check.state': 0, 'check./': 10 * 1024 ** 2 },
    'service.name': 'host',
    'mesos.task.id': 'disk',
    'mesoscope.retention': 'brief',
  })
  says(2, 'DISK CRITICAL \u001b[31m')
  await until('a change', () => actions().length === 1)
  await first.close()
  const { length } = disk.samples
  const second = await open(t, disk.sink, { command })
  await until('samples again', () => disk.samples.length > length + 1)
  t.deepEqual(actions(), ['critical'], 'what is known is not told again')
  says(0, 'DISK OK')
  await until('it is well', () => actions().length === 2)
  await second.close()
  t.deepEqual(
    disk.changes.map(({ message }) => message),
    ['disk is critical (was ok): DISK CRITICAL [31m', 'disk is ok (was critical): DISK OK'],
  )
  const sequences = disk.samples.map((sample) => sample['event.sequence'])
  t.deepEqual(
    sequences,
    sequences.map((_, i) => i),
  )
})

test('what cannot be run, ends oddly or takes too long is unknown, with the reason', async (t) => {
  const reasons = await Promise.all(
    [['/nonexistent/check'], ['sh', '-c', 'echo odd; exit 127'], ['sleep', '60']].map(
      async (command) => {
        const disk = openDisk()
        const check = await open(t, disk.sink, { command, timeout: 300 })
        await until('a change', () => disk.changes.length === 1)
        await check.close()
        t.is(disk.samples[0]?.metrics['check.state'], 3)
        return disk.changes[0]?.message
      },
    ),
  )
  t.deepEqual(reasons, [
    'disk is unknown: spawn /nonexistent/check ENOENT',
    'disk is unknown: it ended with 127: odd',
    'disk is unknown: no answer within 0.3 s',
  ])
})

test('closing does not wait for a check that hangs', async (t) => {
  const disk = openDisk()
  const check = await open(t, disk.sink, { command: ['sleep', '60'], timeout: 60_000 })
  await run(['sleep', '0.2'])
  const began = performance.now()
  await check.close()
  t.true(performance.now() - began < 10_000)
  t.is(disk.changes.length, 0)
})

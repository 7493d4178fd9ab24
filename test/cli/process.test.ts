import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import test, { type ExecutionContext } from 'ava'
import { until } from '../dashboards/open.ts'
import { directory } from './terminal.ts'

function program(t: ExecutionContext, words: string[], env: Record<string, string> = {}) {
  const child = spawn(process.execPath, ['test/cli/program.ts', ...words], {
    env: { ...process.env, ...env },
  })
  t.teardown(() => void child.kill('SIGKILL'))
  const printed = { out: '', err: '' }
  child.stdout.on('data', (chunk: Buffer) => (printed.out += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (printed.err += chunk.toString()))
  return { child, printed, ended: once(child, 'close') as Promise<[number, string]> }
}

async function running(child: { printed: { out: string }; child: ChildProcess }) {
  await until('the start', () => child.printed.out.includes('data in'))
  return child
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  test(`${signal} closes what runs, then the process ends with 0`, async (t) => {
    const all = program(t, ['run'])
    await running(all)
    all.child.kill(signal)
    t.deepEqual(await all.ended, [0, null] as never)
    t.regex(all.printed.out, /data in \.mesoscope\nclosing\n$/)
    t.regex(all.printed.err, new RegExp(`^mesoscope: ${signal}: stopping`))
  })
}

test('a second signal ends a process that does not get to its end', async (t) => {
  const all = program(t, ['run'], { NEVER_CLOSES: '1' })
  await running(all)
  all.child.kill('SIGTERM')
  await until('the stop', () => all.printed.out.includes('closing'))
  all.child.kill('SIGTERM')
  t.deepEqual(await all.ended, [143, null] as never)
})

test('a reader that has seen enough ends the command without a complaint', async (t) => {
  const all = program(t, ['dead', '--json', '--data', directory(t)])
  await once(all.child.stdout, 'data')
  all.child.stdout.destroy()
  t.deepEqual(await all.ended, [0, null] as never)
  t.is(all.printed.err, '')
})

test('exit codes reach the shell', async (t) => {
  t.deepEqual(await program(t, ['run', '--bogus']).ended, [2, null] as never)
  t.deepEqual(await program(t, ['services', '--data', '/nonexistent']).ended, [1, null] as never)
})

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test, { type ExecutionContext } from 'ava'
import { runningProcess } from '../pipeline/owner.ts'
import { until } from './scenarios/program.ts'

const program = fileURLToPath(new URL('../bin/mesoscope.js', import.meta.url))

async function argumentsOf(t: ExecutionContext, nodeOptions: string): Promise<string[]> {
  const data = mkdtempSync(join(tmpdir(), 'mesoscope-bin-'))
  const args = ['--no-deprecation', program, 'run', '--data', data, '--port', '0']
  const child = spawn(process.execPath, args, {
    stdio: 'ignore',
    env: { ...process.env, NODE_OPTIONS: nodeOptions },
  })
  const ended = once(child, 'exit')
  t.teardown(async () => {
    child.kill('SIGTERM')
    await ended
    rmSync(data, { recursive: true, force: true })
  })
  const running = await until('it runs', () => runningProcess(data))
  t.is(running.pid, child.pid as number, 'as the same process')
  return readFileSync(`/proc/${running.pid}/cmdline`, 'utf8').split('\0')
}

const onLinux = process.platform === 'linux' ? test : test.skip

onLinux('what runs long takes one helper thread of V8, and keeps its arguments', async (t) => {
  const args = await argumentsOf(t, '')
  t.deepEqual(args.slice(1, 5), ['--no-deprecation', '--v8-pool-size=1', program, 'run'])
})

onLinux('unless it is said otherwise', async (t) => {
  const args = await argumentsOf(t, '--v8-pool-size=2')
  t.deepEqual(args.slice(1, 4), ['--no-deprecation', program, 'run'])
})

import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { errorCode } from '../../pipeline/errors.ts'
import { spawnPlayground, type SpawnOptions } from '../../playground/spawn.ts'
import { openTerminal } from '../cli/terminal.ts'
import { canMount } from '../scenarios/program.ts'
import { configs, processesWith, removeDir, tempDir, until } from './container-logs.ts'

async function options(t: ExecutionContext): Promise<SpawnOptions & { seed: string }> {
  const data = await tempDir()
  t.teardown(() => removeDir(data))
  return { dir: join(data, 'playground'), seed: randomUUID() }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return errorCode(error) === 'EPERM'
  }
}

const onLinux = existsSync('/proc/self/environ')

test.serial(
  'in a process of its own it is steered from another one, and closing ends all of it',
  async (t) => {
    const given = await options(t)
    const playground = await spawnPlayground(given)
    t.teardown(playground.close)
    const response = await fetch(`${playground.addresses.masters[0]}/state`)
    t.is(response.status, 200)
    await until('a running task', async () =>
      (await playground.client.tasks()).some(({ state }) => state === 'TASK_RUNNING'),
    )

    const { run } = openTerminal()
    const data = join(given.dir, '..')
    const list = await run('playground', '--data', data, 'fault')
    t.is(list.code, 0)
    t.regex(list.out, /^FAULT +USUALLY OF +AMOUNT +LASTS +WHAT IT DOES\n/)
    t.regex(list.out, /^errors +\/shop\/web +percent of its work: 90 +until calm +\S.*\.$/m)
    t.regex(list.out, /^mesos-away +20 s +\S/m)
    const scarce = await run(
      'playground',
      '--data',
      data,
      'fault',
      'offers-scarce',
      '--seconds',
      '9',
    )
    t.like(scarce, { code: 0, out: 'offers-scarce: for 9 seconds\n' })
    const then = await run('playground', '--data', data, 'fault')
    t.regex(then.out, /^offers-scarce \* /m)
    t.regex(then.out, /^\* goes on now$/m)
    const wrong = await run('playground', '--data', data, 'fault', 'kill', '--service', 'nobody')
    t.is(wrong.code, 2)
    t.regex(wrong.err, /"nobody" cannot have the fault kill: choose one of \/shop\/web, /)

    await playground.close()
    t.false(isAlive(playground.pid))
    if (onLinux) t.deepEqual(await processesWith(given.seed), [])
    const gone = await run('playground', '--data', data, 'fault')
    t.is(gone.code, 1)
    t.regex(
      gone.err,
      /no playground is running on .*: start it with npm start or mesoscope playground/,
    )
  },
)

test.serial('what cannot be started says why, and leaves nothing behind', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1')
  t.teardown(() => taken.close())
  await once(taken, 'listening')
  const { port: mailPort } = taken.address() as { port: number }
  const given = await options(t)
  await t.throwsAsync(spawnPlayground({ ...given, mailPort }), {
    message:
      /^the playground could not start: the mail catcher cannot listen on 127\.0\.0\.1:\d+: /,
  })
  if (onLinux) t.deepEqual(await processesWith(given.seed), [])
})

test.serial(
  'killed with SIGKILL it leaves no process behind; the next one on its directory tidies up',
  async (t) => {
    if (!onLinux) return t.pass('only Linux shows whose a process is')
    const given = await options(t)
    const first = await spawnPlayground(given)
    await until('all processes', async () => (await processesWith(given.seed)).length >= 9)
    await t.throwsAsync(spawnPlayground({ ...given, seed: 'another' }), {
      message: new RegExp(`is in use by another mesoscope \\(process ${first.pid}\\)`),
    })
    process.kill(first.pid, 'SIGKILL')
    await first.ended
    await until('their end', async () => (await processesWith(given.seed)).length === 0)

    const root = join(given.dir, 'agent-1', 'docker', 'containers')
    const left = configs(root).filter(({ State }) => State.Running)
    t.true(left.length > 0)
    const { run } = openTerminal()
    const { err, code } = await run('playground', '--data', join(given.dir, '..'), 'fault')
    t.is(code, 1)
    t.regex(err, /no playground is running on /)

    const next = await spawnPlayground(given)
    t.teardown(next.close)
    const mended = configs(root).filter(({ ID }) => left.some((one) => one.ID === ID))
    t.deepEqual(
      mended.map(({ State }) => [State.Running, State.ExitCode]),
      left.map(() => [false, 255]),
    )
  },
)

/** Starts a playground, says so, and ends in order at Ctrl-C. */
const parent = `
  const { spawnPlayground } = await import(process.env.SPAWN)
  const playground = await spawnPlayground(JSON.parse(process.env.OPTIONS))
  process.on('SIGINT', async () => {
    await playground.close()
    process.exit(7)
  })
  process.send(playground.pid)
  setInterval(() => {}, 1000)`

/** In a process group of its own, as a shell starts it. */
async function startParent(given: SpawnOptions): Promise<{ child: ChildProcess; pid: number }> {
  const SPAWN = new URL('../../playground/spawn.ts', import.meta.url).href
  const child = spawn(process.execPath, ['--input-type=module', '-e', parent], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    env: { ...process.env, SPAWN, OPTIONS: JSON.stringify(given) },
    detached: true,
  })
  const [pid] = (await once(child, 'message')) as [number]
  return { child, pid }
}

test.serial('it ends with its parent, also when that is killed with SIGKILL', async (t) => {
  if (!onLinux) return t.pass('only Linux shows whose a process is')
  const given = await options(t)
  const { child, pid } = await startParent(given)
  t.true(isAlive(pid))
  t.true((await processesWith(given.seed)).length > 0)
  child.kill('SIGKILL')
  await until('the end of the playground', () => !isAlive(pid))
  await until('the end of its tasks', async () => (await processesWith(given.seed)).length === 0)
  t.false(existsSync(join(given.dir, 'playground.json')))
})

test.serial(
  'Ctrl-C reaches the whole process group, and all ends in the order of the parent',
  async (t) => {
    if (!onLinux) return t.pass('only Linux shows whose a process is')
    const given = await options(t)
    const { child, pid } = await startParent(given)
    await until('a container', () => existsSync(join(given.dir, 'agent-1', 'docker', 'containers')))
    process.kill(-(child.pid ?? 0), 'SIGINT')
    const [code] = (await once(child, 'exit')) as [number]
    t.is(code, 7)
    t.false(isAlive(pid))
    t.deepEqual(await processesWith(given.seed), [])
    const root = join(given.dir, 'agent-1', 'docker', 'containers')
    t.true(configs(root).every(({ State }) => !State.Running))
  },
)

const onDisk = canMount() ? test.serial : test.serial.skip

onDisk('on a full disk it goes on, and works again when there is room (needs root)', async (t) => {
  const given = await options(t)
  mkdirSync(given.dir, { recursive: true })
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', given.dir])
  t.teardown(() => execFileSync('umount', ['--lazy', given.dir]))
  const playground = await spawnPlayground({ ...given, batchEveryMs: 500 })
  t.teardown(playground.close)
  const reports = async () =>
    (await playground.client.tasks()).filter(({ service }) => service === '/batch/report')
  const workerRuns = async () =>
    (await playground.client.tasks()).some(
      ({ service, state }) => service === '/shop/worker' && state === 'TASK_RUNNING',
    )
  await until('a report', async () => (await reports()).some(({ exit }) => exit))
  await until('the worker to run', workerRuns)

  const ballast = join(given.dir, 'ballast')
  t.throws(() => writeFileSync(ballast, Buffer.alloc(24 * 1024 * 1024)), { code: 'ENOSPC' })
  await until('one that cannot be launched', async () =>
    (await reports()).some(({ message }) => message?.includes('ENOSPC')),
  )
  await playground.client.apply({ name: 'kill', service: 'worker' })
  await until('an instance that cannot be launched', async () =>
    (await playground.client.tasks()).some(
      ({ service, message }) => service === '/shop/worker' && message?.includes('ENOSPC'),
    ),
  )
  t.true(isAlive(playground.pid))

  rmSync(ballast)
  await until('the worker to run again', workerRuns)
  await playground.close()
  t.deepEqual(await processesWith(given.seed), [])
})

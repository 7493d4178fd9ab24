import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { errorCode } from '../../pipeline/errors.ts'
import { openContainer, openNeighbour } from './containers.ts'
import { canMount, mesoscope, openScene, until, type Scene } from './program.ts'

/* A disk that is full: collecting waits, health names the file, and afterwards everything is there, once. */

function openDisk(scene: Scene): { dir: string; fill(leaveBytes: number): void; free(): void } {
  const dir = join(scene.dir, 'disk')
  mkdirSync(dir)
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', dir])
  scene.later(() => execFileSync('umount', ['--lazy', dir]))
  const ballast = join(dir, 'ballast')
  return {
    dir,
    fill(leaveBytes) {
      const { bavail, bsize } = statfsSync(dir)
      try {
        writeFileSync(ballast, Buffer.alloc(Math.max(0, bavail * bsize - leaveBytes)))
      } catch (error) {
        // The program has written something meanwhile: the disk is full, as it should be.
        if (errorCode(error) !== 'ENOSPC') throw error
      }
    },
    free: () => rmSync(ballast),
  }
}

const onDisk = canMount() ? test : test.skip

onDisk(
  'a full disk: nothing is read any more, and afterwards nothing is missing (needs root, for a small disk)',
  async (t) => {
    const scene = openScene(t)
    const disk = openDisk(scene)
    const root = join(scene.dir, 'containers')
    mkdirSync(root)
    const neighbour = openNeighbour(root)
    const busy = openContainer(root, 'busy')
    const data = join(disk.dir, 'data')
    const program = await scene.start({
      data,
      log_level: 'error',
      collectors: { docker: [{ root }] },
    })
    await neighbour.isWhole(program)

    disk.fill(600 * 1024)
    let written = 0
    const write = () => {
      for (let i = 0; i < 20; i++) busy.line(`number=${written++} ${noise(written)} end`)
    }
    const writing = setInterval(write, 50)
    t.teardown(() => {
      clearInterval(writing)
      neighbour.stop()
    })
    const told = await until('health is red and names the spool', () => program.trouble('spool'))
    t.true(told.includes(`no space left for ${join(data, 'spool')}`), told)
    t.regex(told, /free disk space; nothing is lost meanwhile/)
    t.is((await program.health()).status, 'red')
    await until(
      'collecting waits',
      async () => (await program.metric('spool_blocked_seconds_total')) > 0 || undefined,
    )
    program.alive()
    clearInterval(writing)

    disk.free()
    await neighbour.isWhole(program)
    await until(`all ${written} lines are there`, async () => {
      const numbers = (await program.lines('/bad/busy')).map(({ message }) =>
        Number(/^number=(\d+) .* end$/.exec(message)?.[1]),
      )
      if (numbers.length < written) throw new Error(`${numbers.length} of ${written}`)
      t.deepEqual(
        numbers,
        Array.from({ length: written }, (_, number) => number),
      )
      return true
    })
    await until('health is green', async () => {
      const health = await program.health()
      if (health.status !== 'green') throw new Error(JSON.stringify(health))
      return true
    })
    t.deepEqual((await program.get('/api/gaps')).gaps, [])
    t.is(await program.metric('dropped_lines_total'), 0)
    t.is(await program.stop(), 0)
  },
)

onDisk(
  'a disk that is full at the start, and while the program is stopped (needs root, for a small disk)',
  async (t) => {
    const scene = openScene(t)
    const disk = openDisk(scene)
    const root = join(scene.dir, 'containers')
    mkdirSync(root)
    const neighbour = openNeighbour(root)
    t.teardown(() => neighbour.stop())
    const settings = {
      data: join(disk.dir, 'data'),
      log_level: 'error',
      collectors: { docker: [{ root }] },
    }
    disk.fill(0)
    const file = join(scene.dir, 'config.yaml')
    writeFileSync(file, JSON.stringify({ ...settings, listen: { port: 0 } }))
    const { code, stderr } = await mesoscope(['run', '--config', file])
    t.is(code, 1)
    t.true(stderr.includes(disk.dir), stderr)
    t.regex(stderr, /ENOSPC|no space left/)
    t.regex(stderr, /free disk space/)

    disk.free()
    const program = await scene.start(settings)
    await neighbour.isWhole(program)
    disk.fill(0)
    await until(
      'health names it',
      async () => (await program.health()).status === 'red' || undefined,
    )
    t.is(await program.stop(), 0)
    disk.free()
    const again = await scene.start(settings)
    await neighbour.isWhole(again)
    t.is(await again.stop(), 0)
  },
)

/** What does not compress: the same for the same number. */
function noise(number: number): string {
  let text = ''
  for (let state = number + 1; text.length < 900;) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    text += state.toString(36)
  }
  return text
}

import { createHash } from 'node:crypto'
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { wallClock } from '../../pipeline/clock.ts'
import { openServedScene, type ServedScene } from '../../test/playground/marathon/scene.ts'
import { runProgram } from '../program.ts'
import { base, min, scaledBy, target, top, windowSeconds } from './live.ts'

/*
 * Many load steps in little time: the real program on real files of many services, beside a Marathon whose instances are
 * no processes. One step a window is all that a single service has room for.
 */

const services = 40
const tickMs = 100
const needed = Math.ceil(top / target)

/** Seconds from the first line of a step until Marathon is sent the PATCH, one a step. */
export async function manySteps(seconds: number): Promise<{ toPatch: number[]; missed: number }> {
  const dir = mkdtempSync(join(tmpdir(), 'mesoscope-bench-'))
  await using stack = new AsyncDisposableStack()
  stack.defer(() => rmSync(dir, { recursive: true, force: true, maxRetries: 5 }))
  const scene = await openServedScene({ agents: 4, cpus: 64, mem: 65_536, startMs: 500 })
  stack.defer(() => scene.close())
  const ids = Array.from({ length: services }, (_, i) => `/shop/s${i}`)
  for (const id of ids) {
    await scene.deployed({ id, cmd: 'serve', instances: min, cpus: 0.1, mem: 32 })
  }
  const root = join(dir, 'containers')
  const all = ids.map((id) => openService(id, root, scene))
  const program = await runProgram(dir, {
    collectors: {
      docker: [{ root }],
      canary: { enabled: false },
      marathon: [{ urls: scene.urls }],
      metrics_interval: '1s',
    },
    ...scaledBy(ids, { down: '0s' }),
  })
  stack.defer(() => program.stop())
  const toPatch: number[] = []
  for (const end = wallClock.now() + seconds * 1000; wallClock.now() < end;) {
    scene.clock.set(wallClock.now())
    await scene.until('the time that it is', () => true)
    toPatch.push(...all.flatMap((one) => one.tick() ?? []))
    await sleep(10)
  }
  return { toPatch, missed: all.filter((one) => one.isLate()).length }
}

/** A step that nothing has followed for so long has been missed, ms. */
const lateMs = 30_000

function openService(id: string, root: string, scene: ServedScene) {
  const write = openLog(id, root)
  let beganMs: number | undefined
  let isSeen = false
  let nextTickMs = wallClock.now() + Math.random() * tickMs
  let nextStepMs = wallClock.now() + (windowSeconds + Math.random() * windowSeconds) * 1000

  function writeLines(nowMs: number) {
    for (; nextTickMs <= nowMs; nextTickMs += tickMs) {
      write(((beganMs === undefined ? base : top) * tickMs) / 1000, nowMs)
    }
  }

  function patchedMs(): number | undefined {
    const asked = scene.marathon.writes()
    return asked.find(({ method, path, at }) => {
      return method === 'PATCH' && path === `/v2/apps${id}` && at > (beganMs ?? Infinity)
    })?.at
  }

  return {
    /** Seconds that a step took, once it is known. */
    tick(): number | undefined {
      const nowMs = wallClock.now()
      const running = scene.running(id).length
      if (beganMs === undefined && nowMs >= nextStepMs && running === min) beganMs = nowMs
      writeLines(nowMs)
      if (beganMs === undefined) return undefined
      const patched = isSeen ? undefined : patchedMs()
      const took = patched === undefined ? undefined : (patched - beganMs) / 1000
      isSeen ||= patched !== undefined
      if (isSeen && running >= needed) {
        beganMs = undefined
        isSeen = false
        // The window holds nothing of the step any more, and the next one meets the evaluation at any moment.
        nextStepMs = nowMs + (windowSeconds + 1 + Math.random() * 2) * 1000
      }
      return took
    },
    isLate: () => beganMs !== undefined && !isSeen && wallClock.now() - beganMs > lateMs,
  }
}

/** Of one container of the service, as Docker writes it. */
function openLog(id: string, root: string) {
  const container = createHash('sha256').update(id).digest('hex')
  const dir = join(root, container)
  mkdirSync(dir, { recursive: true })
  const config = {
    ID: container,
    Name: `/${container.slice(0, 8)}`,
    Config: { Env: [`MARATHON_APP_ID=${id}`], Labels: {} },
    State: { Running: true },
  }
  writeFileSync(join(dir, 'config.v2.json'), JSON.stringify(config))
  const file = join(dir, `${container}-json.log`)
  const log = '10.0.0.9 - - [22/Nov/2026:18:00:00 +0000] "GET / HTTP/1.1" 200 2 "-" "bench"\n'
  let due = 0
  return (count: number, nowMs: number) => {
    due += count
    const lines = Math.floor(due)
    due -= lines
    const time = new Date(nowMs).toISOString()
    appendFileSync(file, `${JSON.stringify({ log, stream: 'stdout', time })}\n`.repeat(lines))
  }
}

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { pause } from '../../pipeline/clock.ts'
import type { KillPoint } from '../../pipeline/fault.ts'
import { second, t0 } from './app.ts'
import { measured, until, type Site } from './world.ts'

const victim = fileURLToPath(new URL('victim.ts', import.meta.url))

/** Evaluates one time at which the load asks for seven, and is killed at the point. */
export async function killed(dir: string, site: Site, point: KillPoint): Promise<string | null> {
  await measured(site.bus, t0 - 20 * second, t0, 100)
  await site.bus.close()
  const child = spawn(process.execPath, [victim, dir, site.marathon.url, String(t0 + 500)], {
    env: { ...process.env, MESOSCOPE_KILL_AT: `${point}:1` },
    stdio: 'inherit',
  })
  const [, signal] = (await once(child, 'exit')) as [number | null, string | null]
  return signal
}

/** Time goes on, as slowly as it has to, until it is so. */
export async function goOn(site: Site, look: () => boolean | Promise<boolean>) {
  const from = Math.round((site.clock.now() - t0) / second)
  for (let seconds = from + 1; seconds < from + 200 && !(await look()); seconds++) {
    await site.load(100, seconds)
    await pause(20)
  }
  await until('it is so', look)
}

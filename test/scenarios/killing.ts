import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

/** The real program, started to be killed. */

const program = fileURLToPath(new URL('../../bin/mesoscope.js', import.meta.url))

/** `mesoscope run` as a child process; `killAt` arms a kill point (see `pipeline/fault.ts`). */
export function startProgram(
  settings: string,
  { killAt, roles }: { killAt?: string; roles?: string } = {},
): ChildProcess {
  const args = ['run', '--config', settings, ...(roles === undefined ? [] : ['--roles', roles])]
  const child = spawn(process.execPath, [program, ...args], {
    env: { ...process.env, ...(killAt ? { MESOSCOPE_KILL_AT: killAt } : {}) },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  return child
}

/** True if the armed point was reached; where it is not within the time the process is killed from outside. */
export async function runUntilKilled(
  settings: string,
  armed: string,
  withinMs: number,
): Promise<boolean> {
  const child = startProgram(settings, { killAt: armed })
  const roundOver = sleep(withinMs)
  const gone = once(child, 'exit') as Promise<[number | null, string | null]>
  const outcome = await Promise.race([gone, roundOver])
  if (outcome) {
    if (outcome[1] !== 'SIGKILL') throw new Error(`mesoscope ended by itself: ${String(outcome)}`)
    // It stays down for the rest of the round, while the writers write on.
    await roundOver
    return true
  }
  child.kill('SIGKILL')
  await gone
  return false
}

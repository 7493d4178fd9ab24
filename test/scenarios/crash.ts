import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { killPoints } from '../../pipeline/fault.ts'
import { openSqliteStoreForReading } from '../../pipeline/store/sqlite.ts'
import { openRandom } from '../helpers/random.ts'
import { runUntilKilled, startProgram } from './killing.ts'
import { startWriters } from './ledger.ts'
import {
  count,
  isWrong,
  judge,
  judgedSettings,
  openMailbox,
  untilResolved,
  untilStored,
  type CrashResult,
} from './verdict.ts'

/*
 * The crash harness: Mesoscope is killed (SIGKILL) again and again, at named points chosen by a seed, while
 * independent writers write; afterwards everything is counted against their ledger. Anyone can run it:
 *
 *   npm run crash -- --seed 7 --rounds 20
 */

export interface CrashOptions {
  seed: number
  rounds: number
  say?: (line: string) => void
}

export async function crash({ seed, rounds, say = () => {} }: CrashOptions): Promise<CrashResult> {
  const dir = mkdtempSync(join(tmpdir(), 'mesoscope-crash-'))
  const random = openRandom(seed)
  const mails = await openMailbox()
  const writers = startWriters({ root: join(dir, 'containers'), seed, rate: 200, containers: 4 })
  const settings = join(dir, 'crash.json')
  writeFileSync(settings, JSON.stringify(config(dir, mails.port)))
  const kills: string[] = []
  const incidents: string[] = []
  try {
    for (let round = 0; round < rounds; round++) {
      const point = killPoints[Math.floor(random() * killPoints.length)] as string
      const armed = `${point}:${1 + Math.floor(random() * 8)}`
      // One service after the other fails for a while; the alert needs a state change at both ends.
      const failing =
        round % 2 === 0 ? writers.services[(round / 2) % writers.services.length] : undefined
      if (failing) incidents.push(failing)
      writers.fail(failing)
      const died = await runUntilKilled(settings, armed, 4000 + random() * 2000)
      kills.push(died ? armed : `${armed} (not reached; killed from outside)`)
      say(`round ${round + 1}/${rounds}: ${kills.at(-1)}`)
    }
    writers.fail(undefined)
    const last = startProgram(settings)
    await sleep(8000)
    await writers.stop()
    const reader = openSqliteStoreForReading({ dir: join(dir, 'data', 'store') })
    try {
      await untilStored(reader, writers.ledger)
      await untilResolved(mails, incidents)
      last.kill('SIGTERM')
      await once(last, 'exit')
      return { kills, ...(await count(reader, writers.ledger)), ...judge(mails.all, incidents) }
    } finally {
      await reader.close()
      last.kill('SIGKILL')
    }
  } finally {
    await writers.stop()
    await mails.close()
    rmSync(dir, { recursive: true, force: true, maxRetries: 3 })
  }
}

function config(dir: string, smtpPort: number) {
  return {
    data: join(dir, 'data'),
    log_level: 'error',
    listen: { port: 0 },
    collectors: { docker: [{ root: join(dir, 'containers') }], canary: { enabled: false } },
    ...judgedSettings(smtpPort),
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { seed: { type: 'string' }, rounds: { type: 'string', default: '20' } },
  })
  const seed = Number(values.seed ?? Date.now() % 100_000)
  process.stdout.write(`crash harness: seed ${seed}, ${values.rounds} rounds\n`)
  const result = await crash({
    seed,
    rounds: Number(values.rounds),
    say: (line) => process.stdout.write(`${line}\n`),
  })
  process.stdout.write(`${JSON.stringify(result, null, 2)}\n`)
  if (isWrong(result)) process.exitCode = 1
}

if (import.meta.main) await main()

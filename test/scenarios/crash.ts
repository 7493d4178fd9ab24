import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { SMTPServer } from 'smtp-server'
import { killPoints } from '../../pipeline/fault.ts'
import { openSqliteStoreForReading, type StoreForReading } from '../../pipeline/store/sqlite.ts'
import { openRandom } from '../helpers/random.ts'
import { runUntilKilled, startProgram } from './killing.ts'
import { startWriters, type Ledger } from './ledger.ts'

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

/** All zero (and `incidents` > 0) if nothing was lost, doubled or told twice. */
export interface CrashResult {
  lines: number
  kills: string[]
  lost: number
  duplicated: number
  /** Sequences missing inside the store, by its own audit. */
  gaps: number
  windows: number
  wrongWindows: number
  incidents: number
  /** Incidents that did not get exactly one Message-ID for firing and one for resolved. */
  wrongIncidents: string[]
}

const resolutionMs = 1000

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
    collectors: { docker: [{ root: join(dir, 'containers') }] },
    signals: {
      errors: { from: 'logs', where: 'level:error', measure: 'count', over: '3s', by: ['service'] },
    },
    evaluation: { interval: '1s', resolution: '1s' },
    alerts: [{ alert: 'Errors', when: 'errors > 5', for: '1s' }],
    mail: {
      host: '127.0.0.1',
      port: smtpPort,
      from: 'mesoscope@localhost',
      to: ['oncall@localhost'],
    },
  }
}

interface Mailbox {
  port: number
  all: { messageId: string; subject: string }[]
  close(): Promise<void>
}

async function openMailbox(): Promise<Mailbox> {
  const all: Mailbox['all'] = []
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS', 'AUTH'],
    onData(stream, _session, done) {
      let source = ''
      stream.setEncoding('utf8')
      stream.on('data', (part: string) => (source += part))
      stream.on('end', () => {
        const headers = source.slice(0, source.indexOf('\r\n\r\n')).replaceAll(/\r\n[ \t]+/g, ' ')
        const header = (name: string) =>
          new RegExp(`^${name}: (.*)$`, 'im').exec(headers)?.[1]?.trim() ?? ''
        all.push({ messageId: header('message-id'), subject: header('subject') })
        done()
      })
    },
  })
  server.on('error', () => {}) // A killed client is no news here.
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    all,
    port: (server.server.address() as AddressInfo).port,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  }
}

const patienceMs = 120_000

async function until(what: string, done: () => Promise<boolean> | boolean): Promise<void> {
  const end = performance.now() + patienceMs
  while (performance.now() < end) {
    if (await done()) return
    await sleep(200)
  }
  process.stderr.write(
    `crash harness: gave up waiting until ${what}; what is missing is counted below\n`,
  )
}

function untilStored(reader: StoreForReading, ledger: Ledger): Promise<void> {
  const written = [...ledger.containers.values()].reduce((sum, { lines }) => sum + lines.length, 0)
  return until('all lines are stored', async () => {
    const stored = (await reader.services({})).reduce((sum, { lines }) => sum + lines, 0)
    return stored >= written
  })
}

function untilResolved(mails: Mailbox, incidents: string[]): Promise<void> {
  return until(
    'all incidents are resolved',
    () => judge(mails.all, incidents).wrongIncidents.length === 0,
  )
}

/** Counts every line of the ledger in the store, over all days, and every window of the signal. */
async function count(reader: StoreForReading, ledger: Ledger) {
  let [lines, lost, duplicated, windows, wrongWindows] = [0, 0, 0, 0, 0]
  for (const [container, { service, lines: written }] of ledger.containers) {
    const found = await numbersOf(reader, container, service)
    lines += written.length
    for (let number = 0; number < written.length; number++) {
      const times = found.get(number) ?? 0
      if (times === 0) lost++
      if (times > 1) duplicated += times - 1
    }
    const wanted = windowsOf(written)
    const measured = await bucketsOf(reader, service)
    for (const from of new Set([...wanted.keys(), ...measured.keys()])) {
      windows++
      if ((wanted.get(from) ?? 0) !== (measured.get(from) ?? 0)) wrongWindows++
    }
  }
  const gaps = (await reader.gaps({})).length
  return { lines, lost, duplicated, gaps, windows, wrongWindows }
}

async function numbersOf(reader: StoreForReading, container: string, service: string) {
  const found = new Map<number, number>()
  let cursor: string | undefined
  do {
    const page = await reader.search({
      services: [service],
      limit: 10_000,
      ...(cursor ? { cursor } : {}),
    })
    for (const doc of page.hits) {
      if (doc['container.id'] !== container || !doc.message.endsWith('end'))
        throw new Error(`not a line of ours: ${doc.message.slice(0, 80)}`)
      const number = Number(/number=(\d+) /.exec(doc.message)?.[1])
      found.set(number, (found.get(number) ?? 0) + 1)
    }
    cursor = page.next
  } while (cursor)
  return found
}

function windowsOf(lines: { ns: bigint; level: string }[]): Map<number, number> {
  const windows = new Map<number, number>()
  for (const { ns, level } of lines) {
    if (level !== 'error') continue
    const from = Math.floor(Number(ns / 1_000_000n) / resolutionMs) * resolutionMs
    windows.set(from, (windows.get(from) ?? 0) + 1)
  }
  return windows
}

async function bucketsOf(reader: StoreForReading, service: string): Promise<Map<number, number>> {
  const windows = new Map<number, number>()
  for (const bucket of await reader.buckets('errors', {})) {
    if (bucket.group.service !== service || bucket.count === 0) continue
    windows.set(bucket.from, (windows.get(bucket.from) ?? 0) + bucket.count)
  }
  return windows
}

/** One Message-ID an incident for firing, and one for resolved, however often a mail was sent. */
function judge(mails: Mailbox['all'], incidents: string[]) {
  const wrongIncidents = [...Map.groupBy(incidents, (service) => service)].flatMap(
    ([service, times]) =>
      ['FIRING', 'RESOLVED'].flatMap((state) => {
        const ids = new Set(
          mails
            .filter(
              ({ subject }) => subject.includes(`[${state}]`) && subject.includes(`${service}:`),
            )
            .map(({ messageId }) => messageId),
        )
        return ids.size === times.length
          ? []
          : [`${service} ${state}: ${ids.size} Message-IDs for ${times.length} incidents`]
      }),
  )
  return { incidents: incidents.length, wrongIncidents }
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
  const { lost, duplicated, gaps, wrongWindows, wrongIncidents } = result
  const wrong = lost + duplicated + gaps + wrongWindows + wrongIncidents.length > 0
  // A round without lines, windows or incidents proves nothing.
  const empty = result.lines === 0 || result.windows === 0 || result.incidents === 0
  if (wrong || empty) process.exitCode = 1
}

if (import.meta.main) await main()

import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { SMTPServer } from 'smtp-server'
import type { StoreForReading } from '../../pipeline/store/sqlite.ts'
import type { Ledger } from './ledger.ts'

/** What a store holds and a mailbox received, counted against what was written. */

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

/** Width of the buckets, and how often rules are evaluated, ms. */
export const resolutionMs = 1000

/** What is measured and alerted on; the mails go to this port. */
export function judgedSettings(smtpPort: number) {
  return {
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

/** True if something is wrong, or nothing was proven: a run without lines, windows or incidents. */
export function isWrong(result: CrashResult): boolean {
  const { lines, lost, duplicated, gaps, windows, wrongWindows, incidents, wrongIncidents } = result
  const wrong = lost + duplicated + gaps + wrongWindows + wrongIncidents.length > 0
  return wrong || lines === 0 || windows === 0 || incidents === 0
}

export interface Mailbox {
  port: number
  all: { messageId: string; subject: string }[]
  close(): Promise<void>
}

export async function openMailbox(): Promise<Mailbox> {
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

export function untilStored(reader: StoreForReading, ledger: Ledger): Promise<void> {
  const written = [...ledger.containers.values()].reduce((sum, { lines }) => sum + lines.length, 0)
  return until('all lines are stored', async () => {
    const stored = (await reader.services({})).reduce((sum, { lines }) => sum + lines, 0)
    return stored >= written
  })
}

export function untilResolved(mails: Mailbox, incidents: string[]): Promise<void> {
  return until(
    'all incidents are resolved',
    () => judge(mails.all, incidents).wrongIncidents.length === 0,
  )
}

/** Counts every line of the ledger in the store, over all days, and every window of the signal. */
export async function count(reader: StoreForReading, ledger: Ledger) {
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
  const gaps = (await reader.audit({})).gaps.length
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
export function judge(mails: Mailbox['all'], incidents: string[]) {
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

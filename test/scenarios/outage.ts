import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { openSqliteStoreForReading } from '../../pipeline/store/sqlite.ts'
import { startKafka } from '../servers/kafka.ts'
import { startProgram } from './killing.ts'
import { startWriters, type Ledger } from './ledger.ts'
import { count, judgedSettings, openMailbox, untilStored } from './verdict.ts'

/*
 * A bus that is away for long: one real Kafka broker is killed, and started again after so many minutes. Meanwhile containers
 * go on writing, one of them is gone before Kafka is back, and the collector is killed and started anew. Everything is counted
 * against the writers' ledger. Anyone can run it:
 *
 *   npm run outage -- --minutes 30
 */
const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    rate: { type: 'string', default: '100' },
    seed: { type: 'string', default: '1' },
  },
})
const outageMs = Number(values.minutes) * 60_000
const rate = Number(values.rate)
const seed = Number(values.seed)
const say = (line: string) => void process.stdout.write(`${line}\n`)
const spoolBytes = 1024 ** 3

interface Health {
  status: string
  components: { name: string; status: string; trouble?: string }[]
}

interface Part {
  child: ChildProcess
  port: number
  settings: string
  roles: string
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

async function until(what: string, patienceMs: number, done: () => Promise<boolean> | boolean) {
  const end = performance.now() + patienceMs
  while (!(await done())) {
    if (performance.now() > end) throw new Error(`waited ${patienceMs / 1000} s for ${what}`)
    await sleep(100)
  }
}

async function ask(port: number, path: string): Promise<{ status: number; body: Health }> {
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
    signal: AbortSignal.timeout(5000),
  })
  return { status: answer.status, body: (await answer.json()) as Health }
}

const answers = (port: number) => async () =>
  ask(port, '/livez').then(
    ({ status }) => status === 200,
    () => false,
  )

function sizeOf(dir: string): number {
  return readdirSync(dir).reduce((sum, name) => sum + statSync(join(dir, name)).size, 0)
}

/** What has to hold while Kafka is away; each a sentence, if it does not. */
async function wrongWhileAway(collector: Part, spool: string): Promise<string[]> {
  const [live, ready] = [await ask(collector.port, '/livez'), await ask(collector.port, '/healthz')]
  const shipping = ready.body.components.find(({ name }) => name === 'shipping')
  const wrong: string[] = []
  if (live.status !== 200) wrong.push(`/livez answers ${live.status}`)
  if (ready.status !== 200 || ready.body.status !== 'amber')
    wrong.push(`/healthz answers ${ready.status}, ${ready.body.status}`)
  if (!/kafka|bus|broker/i.test(shipping?.trouble ?? ''))
    wrong.push(`the cause is not told: ${JSON.stringify(ready.body)}`)
  if (sizeOf(spool) > spoolBytes) wrong.push(`the spool has ${sizeOf(spool)} bytes`)
  return wrong
}

async function outage(dir: string) {
  const kafka = await startKafka()
  const mails = await openMailbox()
  const root = join(dir, 'containers')
  mkdirSync(root)
  const lasting = startWriters({ root, seed, rate, containers: 3 })
  const other = { root, seed: seed + 1, rate: rate * 3, containers: 1, first: 3 }
  const writers = [lasting]
  const partOf = async (roles: string, more: object): Promise<Part> => {
    const port = await freePort()
    const settings = join(dir, `${roles}.json`)
    const bus = { kafka: { brokers: kafka.brokers, replication: 1 } }
    const listen = { port }
    const data = join(dir, roles)
    const all = { data, log_level: 'fatal', listen, bus, ...judgedSettings(mails.port), ...more }
    writeFileSync(settings, JSON.stringify(all))
    return { child: startProgram(settings, { roles }), port, settings, roles }
  }
  const collector = await partOf('collector', {
    collectors: { docker: [{ root }], canary: { enabled: false } },
    spool: { max_bytes: spoolBytes },
  })
  const processor = await partOf('processor', {})
  const spool = join(dir, 'collector', 'spool')
  const reader = openSqliteStoreForReading({ dir: join(dir, 'processor', 'store') })
  const stored = async () =>
    (await reader.services({}).catch(() => [])).reduce((sum, { lines }) => sum + lines, 0)
  const wrong: string[] = []
  let largestSpool = 0
  let shortLived: ReturnType<typeof startWriters> | undefined
  try {
    await until('the first lines', 60_000, async () => (await stored()) > 0)
    const spoolBefore = sizeOf(spool)
    await kafka.kill(0)
    say(`Kafka is away, for ${outageMs / 1000} s`)
    const began = performance.now()
    const left = () => outageMs - (performance.now() - began)
    await sleep(outageMs / 4)
    collector.child.kill('SIGKILL')
    await once(collector.child, 'exit')
    await sleep(2000)
    // A start without Kafka: what is written from now on has only this process to hold it.
    collector.child = startProgram(collector.settings, { roles: collector.roles })
    await until('the collector to answer', 30_000, answers(collector.port))
    say('the collector was killed, and has begun anew without Kafka')
    shortLived = startWriters(other)
    writers.push(shortLived)
    await sleep(2000)
    await shortLived.stop()
    // The file is followed by its descriptor: it may go as soon as it was found.
    await sleep(3000)
    for (const id of shortLived.ledger.containers.keys())
      rmSync(join(root, id), { recursive: true })
    say('a container has come and gone')
    while (left() > 0) {
      wrong.push(...(await wrongWhileAway(collector, spool)))
      largestSpool = Math.max(largestSpool, sizeOf(spool))
      await sleep(Math.max(0, Math.min(left(), 5000)))
    }
    await kafka.start(0)
    say('Kafka is back')
    await sleep(3000)
    await lasting.stop()
    const ledger: Ledger = {
      containers: new Map(writers.flatMap((one) => [...one.ledger.containers])),
    }
    await untilStored(reader, ledger)
    await until('all to be well', 60_000, async () => {
      const healths = [collector, processor].map(({ port }) => ask(port, '/healthz'))
      return (await Promise.all(healths)).every(({ body }) => body.status === 'green')
    })
    const unordered = await countUnordered(reader)
    for (const { child } of [collector, processor]) {
      child.kill('SIGTERM')
      await once(child, 'exit')
    }
    return {
      minutes: outageMs / 60_000,
      ...(await count(reader, ledger)),
      unordered,
      spoolMiB: { before: mib(spoolBefore), largest: mib(largestSpool), bound: mib(spoolBytes) },
      wrong: [...new Set(wrong)],
    }
  } finally {
    await Promise.all(writers.map((one) => one.stop()))
    for (const { child } of [collector, processor]) child.kill('SIGKILL')
    await reader.close()
    await mails.close()
    await kafka.close()
  }
}

const mib = (bytes: number) => Number((bytes / 2 ** 20).toFixed(1))

/** Lines whose number does not follow that of the line before, in the order in which the store has them. */
async function countUnordered(reader: ReturnType<typeof openSqliteStoreForReading>) {
  let unordered = 0
  const last = new Map<unknown, number>()
  for (let cursor: string | undefined; ;) {
    const page = await reader.search({ order: 'asc', limit: 10_000, ...(cursor ? { cursor } : {}) })
    for (const doc of page.hits) {
      const number = Number(/number=(\d+) /.exec(doc.message)?.[1])
      const container = doc['container.id']
      if (number !== (last.get(container) ?? -1) + 1) unordered++
      last.set(container, number)
    }
    cursor = page.next
    if (cursor === undefined) return unordered
  }
}

const dir = mkdtempSync(join(tmpdir(), 'mesoscope-outage-'))
try {
  say(`Kafka away for ${values.minutes} minutes: seed ${seed}, ${rate} lines/s of each container`)
  const result = await outage(dir)
  say(JSON.stringify(result, null, 2))
  const { lines, lost, duplicated, gaps, wrongWindows, unordered, wrong } = result
  const faults = lost + duplicated + gaps + wrongWindows + unordered + wrong.length
  if (faults > 0 || lines === 0) process.exitCode = 1
} finally {
  rmSync(dir, { recursive: true, force: true, maxRetries: 3 })
}

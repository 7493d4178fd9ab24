import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { openKafkaBus } from '../../pipeline/bus/kafka.ts'
import { silentLog } from '../../pipeline/log.ts'
import { decodeDocs, fromBusRecord } from '../../pipeline/record.ts'
import { startKafka } from '../../test/servers/kafka.ts'
import { writeData } from '../data.ts'
import { runProgram, type RunningProgram } from '../program.ts'
import { hasRsyslog, shipByRsyslog, type Shipped } from './peers.ts'

/*
 * The collector alone, with all that is on by default (levels, JSON, stack traces joined, secrets replaced, a spool that is synced to
 * disk): from four json-files to the bus, embedded and real Kafka with acks=all; beside it rsyslog on the same files to the same
 * broker. And what two hundred containers cost that write nothing.
 *
 *   npm run bench:collector -- --lines 2000000 --rounds 3 --idle-minutes 2
 */
const { values } = parseArgs({
  options: {
    lines: { type: 'string', default: '2000000' },
    rounds: { type: 'string', default: '3' },
    'idle-minutes': { type: 'string', default: '1' },
  },
})
const lines = Number(values.lines)
const rounds = Number(values.rounds)
const idleMinutes = Number(values['idle-minutes'])
const million = 1_000_000
const say = (text: string) => void process.stdout.write(`${text}\n`)

const dir = mkdtempSync(join(tmpdir(), 'mesoscope-bench-'))
const root = join(dir, 'containers')
const { bytes } = writeData(root, lines)
say(`${lines / million} million lines, ${(bytes / 1e6).toFixed(0)} MB, in 4 json-files`)

const metricsOf = async (program: RunningProgram) => {
  // Not there yet.
  const answer = await fetch(`${program.url}/metrics`).catch(() => undefined)
  const text = (await answer?.text()) ?? ''
  return (name: string) =>
    [...text.matchAll(new RegExp(`^mesoscope_${name}(?:\\{[^}]*\\})? (\\S+)$`, 'gm'))].reduce(
      (sum, [, value]) => sum + Number(value),
      0,
    )
}

/** From the start of the process until all that was read is on the bus. */
async function ship(
  name: string,
  settings: Record<string, unknown>,
  roles: string[],
): Promise<Shipped> {
  const own = join(dir, name)
  mkdirSync(own)
  const begun = performance.now()
  const program = await runProgram(
    own,
    { collectors: { docker: [{ root }], canary: { enabled: false } }, ...settings },
    roles,
  )
  try {
    for (;;) {
      const read = await metricsOf(program)
      if (performance.now() - begun > 300_000) throw new Error(`${name}: not done in five minutes`)
      if (read('collected_bytes_total') >= bytes && read('spool_bytes') === 0) break
      await sleep(50)
    }
    const seconds = (performance.now() - begun) / 1000
    return { lines, seconds, ...program.usage() }
  } finally {
    await program.stop()
    rmSync(own, { recursive: true, force: true })
  }
}

/** Every line once, in order, by what is on the topic. */
async function check(brokers: string[], prefix: string): Promise<string> {
  const bus = await openKafkaBus({
    brokers,
    prefix,
    log: silentLog,
    replication: 1,
    partitions: { logs: 4, metrics: 1 },
  })
  const next = new Map<string, number>()
  let found = 0
  let odd = 0
  try {
    for (const [partition, end] of (await bus.ends('logs')).entries()) {
      for (let offset = 0; offset < end;) {
        const batch = await bus.read('logs', partition, offset, { maxBytes: 8 * 2 ** 20 })
        for (const record of batch.records) {
          if (record.headers['kind'] !== 'lines') continue
          for (const doc of decodeDocs(fromBusRecord(record))) {
            const source = `${String(doc['container.id'])}:${doc['log.iostream']}`
            if (doc['event.sequence'] !== (next.get(source) ?? 0)) odd++
            next.set(source, doc['event.sequence'] + 1)
            found += doc.message.split('\n').length
          }
        }
        offset = batch.next
      }
    }
  } finally {
    await bus.close()
  }
  return found === lines && odd === 0
    ? 'complete'
    : `${found} of ${lines} lines, ${odd} out of sequence`
}

const all = new Map<string, Shipped[]>()
function note(name: string, shipped: Shipped, completeness: string): void {
  all.set(name, [...(all.get(name) ?? []), shipped])
  say(`  ${name.padEnd(28)} ${figures(shipped)}  ${completeness}`)
}

const rate = ({ lines: count, seconds }: Shipped) => count / seconds
const cost = ({ lines: count, cpuSeconds }: Shipped) => (cpuSeconds / count) * million
const figures = (one: Shipped) =>
  `${Math.round(rate(one)).toLocaleString('en').padStart(8)} lines/s  ${cost(one).toFixed(2).padStart(6)} CPU-s/M  ${String(one.peakMiB).padStart(5)} MiB`

const median = (numbers: number[]) =>
  numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN
const medianOf = (name: string, of: (one: Shipped) => number) =>
  median((all.get(name) ?? []).map(of))

const embedded = 'Mesoscope → embedded bus'
const toKafka = 'Mesoscope → Kafka, acks=all'
const peer = 'rsyslog → Kafka, acks=all'

const kafka = await startKafka({ heapMb: 768 })
try {
  if (!hasRsyslog()) say('rsyslog and rsyslog-kafka are not installed: nothing stands beside ours')
  for (let round = 0; round < rounds; round++) {
    say(`round ${round + 1}`)
    note(embedded, await ship(`embedded-${round}`, {}, ['collector']), '')
    const prefix = `bench-${round}.`
    const bus = {
      kafka: {
        brokers: kafka.brokers,
        prefix,
        replication: 1,
        partitions: { logs: 4, metrics: 1 },
      },
    }
    const shipped = await ship(`kafka-${round}`, { bus }, ['collector'])
    note(toKafka, shipped, await check(kafka.brokers, prefix))
    if (!hasRsyslog()) continue
    const other = await shipByRsyslog(dir, root, kafka.brokers[0] as string, lines)
    note(peer, other, other.lines === lines ? 'complete' : `${other.lines} of ${lines} lines`)
  }
} finally {
  await kafka.close()
}

say('medians')
for (const name of all.keys()) {
  const middle = {
    lines,
    seconds: lines / medianOf(name, rate),
    cpuSeconds: (medianOf(name, cost) * lines) / million,
    peakMiB: medianOf(name, (one) => one.peakMiB),
  }
  say(`  ${name.padEnd(28)} ${figures(middle)}`)
}
if (all.has(peer)) {
  say(
    `  ratio to rsyslog: ${(medianOf(toKafka, rate) / medianOf(peer, rate)).toFixed(2)} × the rate, ${(medianOf(toKafka, cost) / medianOf(peer, cost)).toFixed(2)} × the CPU`,
  )
}

if (idleMinutes > 0) await idle()
rmSync(dir, { recursive: true, force: true })

/** Containers that run and write nothing: each is looked at again and again. */
async function idle(): Promise<void> {
  const quiet = join(dir, 'quiet')
  for (let n = 0; n < 200; n++) {
    const id = createHash('sha256').update(`quiet ${n}`).digest('hex')
    mkdirSync(join(quiet, id), { recursive: true })
    const config = { ID: id, Name: `/quiet-${n}`, Config: { Image: 'quiet:1' } }
    writeFileSync(join(quiet, id, 'config.v2.json'), JSON.stringify(config))
    writeFileSync(
      join(quiet, id, `${id}-json.log`),
      '{"log":"started\\n","stream":"stdout","time":"2026-11-22T18:00:00.5Z"}\n',
    )
  }
  const own = join(dir, 'idle')
  mkdirSync(own)
  const program = await runProgram(own, { collectors: { docker: [{ root: quiet }] } }, [
    'collector',
  ])
  await sleep(15_000)
  const before = program.usage()
  await sleep(idleMinutes * 60_000)
  const after = program.usage()
  await program.stop()
  const perHour = ((after.cpuSeconds - before.cpuSeconds) / idleMinutes) * 60
  say(
    `200 idle containers: ${perHour.toFixed(0)} CPU-seconds an hour (${((perHour / 3600) * 100).toFixed(1)} % of a core, by ${idleMinutes} min), ${after.peakMiB} MiB`,
  )
}

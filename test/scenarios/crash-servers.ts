import { once } from 'node:events'
import type { ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { wallClock } from '../../pipeline/clock.ts'
import { openElasticsearchStore } from '../../pipeline/store/elasticsearch.ts'
import { openRandom } from '../helpers/random.ts'
import { startElasticsearch } from '../servers/elasticsearch.ts'
import { startKafka } from '../servers/kafka.ts'
import { startProgram } from './killing.ts'
import { startWriters, type Ledger } from './ledger.ts'
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
 * The crash harness of a cluster: three Kafka brokers, Elasticsearch, and two processes of each role. In each round one of
 * them dies by SIGKILL (at a named point, chosen by the seed) or sleeps past its session, or a broker or Elasticsearch is
 * killed; afterwards everything is counted against the writers' ledger. Anyone can run it:
 *
 *   npm run crash:servers -- --seed 7 --rounds 20
 */

const pointsOf = {
  collector: [
    'spool:before-commit',
    'spool:after-commit',
    'ship:before-produce',
    'ship:after-produce',
  ],
  processor: ['index:before-commit', 'measure:before-snapshot', 'measure:after-snapshot'],
  alerting: ['alert:before-state', 'notify:before-send', 'notify:after-send'],
} as const
type Role = keyof typeof pointsOf
const roles = Object.keys(pointsOf) as Role[]

interface Part {
  name: string
  role: Role
  settings: string
  child: ChildProcess
}

const roundMs = 6000
const awayMs = 15_000
/** Who begins anew is given its partitions when the session of its predecessor is over. */
const reachMs = 20_000
/** Longer than a session of Kafka's groups lasts. */
const sleepMs = 14_000

async function crashServers(
  seed: number,
  rounds: number,
  say: (line: string) => void,
): Promise<CrashResult> {
  const dir = mkdtempSync(join(tmpdir(), 'mesoscope-crash-'))
  const random = openRandom(seed)
  const pick = <T>(list: readonly T[]) => list[Math.floor(random() * list.length)] as T
  const mails = await openMailbox()
  const kafka = await startKafka({ count: 3 })
  const elasticsearch = await startElasticsearch({ heapMb: 768 })
  say('three brokers and Elasticsearch run')
  const agents = [0, 1].map((n) => join(dir, `agent${n}`))
  const writers = agents.map((root, n) =>
    startWriters({ root, seed, rate: 150, containers: 2, first: 2 * n }),
  )
  const ledger: Ledger = {
    containers: new Map(writers.flatMap((one) => [...one.ledger.containers])),
  }
  const services = writers.flatMap((one) => one.services)
  const parts: Part[] = roles.flatMap((role) =>
    agents.map((root, n) => {
      const name = `${role}-${n + 1}`
      const settings = join(dir, `${name}.json`)
      writeFileSync(
        settings,
        JSON.stringify({
          data: join(dir, name),
          log_level: 'fatal',
          listen: { port: 0 },
          bus: { kafka: { brokers: kafka.brokers } },
          store: { elasticsearch: { urls: [elasticsearch.url], replicas: 0 } },
          collectors: {
            docker: role === 'collector' ? [{ root }] : [],
            canary: { enabled: false },
          },
          ...judgedSettings(mails.port),
        }),
      )
      return { name, role, settings, child: startProgram(settings, { roles: role }) }
    }),
  )
  const restart = (part: Part, killAt?: string) => {
    part.child = startProgram(part.settings, {
      roles: part.role,
      ...(killAt === undefined ? {} : { killAt }),
    })
  }

  async function killPart(part: Part): Promise<string> {
    const armed = `${pick(pointsOf[part.role])}:${1 + Math.floor(random() * 6)}`
    await kill(part)
    restart(part, armed)
    const reached = await Promise.race([
      once(part.child, 'exit').then(() => true),
      sleep(reachMs).then(() => false),
    ])
    if (!reached) await kill(part)
    await sleep(1000)
    restart(part)
    return `${part.name} dies at ${armed}${reached ? '' : ' (not reached; killed from outside)'}`
  }

  async function kill({ child }: Part): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }

  async function freeze(part: Part): Promise<string> {
    part.child.kill('SIGSTOP')
    await sleep(sleepMs)
    part.child.kill('SIGCONT')
    await sleep(1000)
    return `${part.name} sleeps for ${sleepMs / 1000} s`
  }

  async function killBroker(): Promise<string> {
    const broker = Math.floor(random() * 3)
    await kafka.kill(broker)
    await sleep(roundMs)
    await kafka.start(broker)
    return `broker ${broker + 1} is killed`
  }

  /** Longer than any request is tried again: collectors hold what is written meanwhile. */
  async function killBrokers(): Promise<string> {
    await Promise.all([0, 1, 2].map((broker) => kafka.kill(broker)))
    await sleep(awayMs)
    await Promise.all([0, 1, 2].map((broker) => kafka.start(broker)))
    return `all brokers are killed, and away for ${awayMs / 1000} s`
  }

  async function killElasticsearch(): Promise<string> {
    await elasticsearch.kill()
    await sleep(roundMs / 2)
    await elasticsearch.start()
    return 'Elasticsearch is killed'
  }

  /** Each kind of misfortune comes once before one comes again. */
  const kinds = [
    () => killPart(pick(parts)),
    killBrokers,
    () => killPart(pick(parts.filter(({ role }) => role === 'processor'))),
    () => freeze(pick(parts.filter(({ role }) => role !== 'collector'))),
    () => killPart(pick(parts.filter(({ role }) => role === 'alerting'))),
    killElasticsearch,
    killBroker,
  ]
  const kills: string[] = []
  const incidents: string[] = []
  try {
    await sleep(roundMs)
    for (let round = 0; round < rounds; round++) {
      const failing = round % 2 === 0 ? services[(round / 2) % services.length] : undefined
      if (failing) incidents.push(failing)
      for (const one of writers) one.fail(failing)
      const began = performance.now()
      const kind = kinds[round % kinds.length] as () => Promise<string>
      const told = await kind()
      await sleep(Math.max(0, roundMs - (performance.now() - began)))
      kills.push(told)
      const ended = parts.find(({ child }) => child.exitCode !== null)
      if (ended) throw new Error(`${ended.name} has ended by itself (${ended.child.exitCode})`)
      say(`round ${round + 1}/${rounds}: ${told}`)
    }
    for (const one of writers) one.fail(undefined)
    await sleep(8000)
    await Promise.all(writers.map((one) => one.stop()))
    const reader = await openElasticsearchStore({
      connection: { urls: [elasticsearch.url] },
      index: { replicas: 0 },
      clock: wallClock,
    })
    try {
      await untilStored(reader, ledger)
      await untilResolved(mails, incidents)
      await Promise.all(parts.map(stopPart))
      return { kills, ...(await count(reader, ledger)), ...judge(mails.all, incidents) }
    } finally {
      await reader.close()
    }
  } finally {
    await Promise.all(writers.map((one) => one.stop()))
    await Promise.all(parts.map(kill))
    await mails.close()
    await Promise.all([kafka.close(), elasticsearch.close()])
    rmSync(dir, { recursive: true, force: true, maxRetries: 3 })
  }
}

async function stopPart({ child, name }: Part): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) throw new Error(`${name} has ended`)
  child.kill('SIGTERM')
  await once(child, 'exit')
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { seed: { type: 'string' }, rounds: { type: 'string', default: '20' } },
  })
  const seed = Number(values.seed ?? wallClock.now() % 100_000)
  process.stdout.write(`crash harness of a cluster: seed ${seed}, ${values.rounds} rounds\n`)
  const result = await crashServers(seed, Number(values.rounds), (line) =>
    process.stdout.write(`${line}\n`),
  )
  process.stdout.write(`${JSON.stringify(result, null, 2)}\n`)
  if (isWrong(result)) process.exitCode = 1
}

await main()

import { wallClock } from '../../pipeline/clock.ts'
import type { LogRecord } from '../../pipeline/record.ts'
import { openElasticsearchStore } from '../../pipeline/store/elasticsearch.ts'
import { startElasticsearch } from '../../test/servers/elasticsearch.ts'
import { makeBodies, makeRecords, type Ids } from './lines.ts'
import { measure, openPoster, show, together, type Measured } from './measure.ts'

/*
 * The store on Elasticsearch held against the ceiling of the same server in the same run: bulk bodies made beforehand, with
 * the same ids, sent by a bare HTTP client. Both in turn, after a warm-up.
 *
 *   node bench/elasticsearch/run.ts [--lines 200000] [--rounds 4] [--mode standard|logsdb]
 */
const option = (name: string, otherwise: string) => {
  const at = process.argv.indexOf(`--${name}`)
  return at < 0 ? otherwise : (process.argv[at + 1] ?? otherwise)
}
const lines = Number(option('lines', '200000'))
const rounds = Number(option('rounds', '4'))
const mode = option('mode', 'standard') as 'standard' | 'logsdb'
const idRounds = Number(option('id-rounds', '2'))
const docsOfRequest = 4000
const recordsOfCall = Number(option('records', '96'))

const server = await startElasticsearch({ heapMb: 1024, quickStart: false })
const store = await openElasticsearchStore({
  connection: { urls: [server.url] },
  clock: wallClock,
  prefix: 'bench',
  pastDays: 100_000,
  index: { shards: 1, replicas: 0, mode, refreshInterval: '5s' },
})
const poster = openPoster(server.url)

let days = 0
/** Each run writes a day of its own. */
const nextDay = () => new Date(Date.UTC(2026, 0, 1 + days++)).toISOString().slice(0, 10)
const indexOf = (day: string) => `bench-logs-default-${day.replaceAll('-', '.')}`

const send = (day: string, bodies: Buffer[]) =>
  poster.postAll(`/${indexOf(day)}/_bulk?filter_path=errors,items.*.status,items.*.error`, bodies)

function raw(day: string, ids: Ids): Promise<Measured> {
  const bodies = makeBodies(makeRecords(lines, day), docsOfRequest, ids)
  return measure(lines, () => send(day, bodies))
}

async function appended(records: readonly LogRecord[]): Promise<void> {
  const { rejected, duplicates } = await store.appendLogs(records)
  if (rejected.length + duplicates > 0) throw new Error('not all were new')
}

async function append(day: string): Promise<Measured> {
  const records = makeRecords(lines, day)
  return measure(lines, async () => {
    for (let i = 0; i < records.length; i += recordsOfCall) {
      await appended(records.slice(i, i + recordsOfCall))
    }
  })
}

/** The same lines on two days, call by call in turn, so that what else the machine does befalls both. */
async function inTurn(rawDay: string, ourDay: string) {
  const records = makeRecords(lines, ourDay)
  const rawRecords = makeRecords(lines, rawDay)
  const calls = Math.ceil(records.length / recordsOfCall)
  const bodies = Array.from({ length: calls }, (_, i) =>
    makeBodies(
      rawRecords.slice(i * recordsOfCall, (i + 1) * recordsOfCall),
      docsOfRequest,
      'structured',
    ),
  )
  globalThis.gc?.()
  const ceiling: Measured[] = []
  const ours: Measured[] = []
  for (let i = 0; i < calls; i++) {
    const given = records.slice(i * recordsOfCall, (i + 1) * recordsOfCall)
    const count = given.reduce((sum, { head }) => sum + head.count, 0)
    const both = [
      async () => ceiling.push(await measure(count, () => send(rawDay, bodies[i] as Buffer[]))),
      async () => ours.push(await measure(count, () => appended(given))),
    ]
    for (const one of i % 2 ? both : both.toReversed()) await one()
  }
  return { ceiling: together(ceiling), ours: together(ours) }
}

async function bytesOf(day: string): Promise<number> {
  await poster
    .post(`/${indexOf(day)}/_forcemerge?max_num_segments=1`, Buffer.alloc(0))
    .catch(() => {})
  await fetch(`${server.url}/${indexOf(day)}/_flush?force=true`, { method: 'POST' })
  const answer = await fetch(`${server.url}/${indexOf(day)}/_stats/store,docs`)
  const { _all } = (await answer.json()) as {
    _all: { primaries: { store: { size_in_bytes: number }; docs: { count: number } } }
  }
  return Math.round(_all.primaries.store.size_in_bytes / _all.primaries.docs.count)
}

const say = (text: string) => void process.stdout.write(`${text}\n`)
const median = (values: number[]) =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] as number

try {
  const [body] = makeBodies(makeRecords(docsOfRequest, '2026-01-01'), docsOfRequest, 'structured')
  say(`mode ${mode}; ${Math.round((body as Buffer).length / docsOfRequest)} bytes a document sent`)
  for (let i = 0; i < 3; i++) {
    say(`warm-up: raw ${show(await raw(nextDay(), 'structured'))}`)
    say(`warm-up: appendLogs ${show(await append(nextDay()))}`)
  }
  const ratios: number[] = []
  for (let round = 0; round < rounds; round++) {
    const { ceiling, ours } = await inTurn(nextDay(), nextDay())
    ratios.push(ours.perSecond / ceiling.perSecond)
    say(`raw ${show(ceiling)} | appendLogs ${show(ours)} | ratio ${ratios.at(-1)?.toFixed(3)}`)
  }
  say(`median ratio ${median(ratios).toFixed(3)}`)
  for (let round = 0; round < idRounds; round++) {
    for (const ids of ['automatic', 'random', 'structured'] as const) {
      const day = nextDay()
      const found = await raw(day, ids)
      say(`${ids} ids: ${show(found)}, ${await bytesOf(day)} bytes a document`)
    }
  }
} finally {
  poster.close()
  await store.close()
  await server.close()
}

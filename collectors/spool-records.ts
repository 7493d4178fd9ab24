import { msToIso, type ChangeDoc } from '../pipeline/event.ts'
import type { Topic } from '../pipeline/bus/bus.ts'
import { taskKey, type Identity } from '../pipeline/identity.ts'
import { postureKey } from '../pipeline/posture.ts'
import { toBusRecord, type LogHead } from '../pipeline/record.ts'
import { samplesToBus } from '../pipeline/sample.ts'
import { marathonKey } from '../pipeline/service-state.ts'
import type { Collected } from './sink.ts'
import type { WhenFull } from './when-full.ts'
import { wishesOf } from './wishes.ts'

/** A record on its way to the bus. `id` orders all records of the spool. */
export interface SpooledRecord {
  id: number
  topic: Topic
  key: string
  headers: Record<string, string>
  value: Uint8Array
  lines: number
  /** What its service wants to become of it when the spool is full; absent: as all others. */
  whenFull?: WhenFull
}

/** What a record takes of the spool, in bytes. */
export function sizeOf({ key, headers, value }: Pick<SpooledRecord, 'key' | 'headers' | 'value'>) {
  let size = key.length + value.length
  for (const name in headers) size += name.length + (headers[name]?.length ?? 0)
  return size
}

export function toRecords({
  records = [],
  changes = [],
  dead = [],
  identities = [],
  tasks = [],
  samples = [],
  services = [],
  postures = [],
}: Collected): Omit<SpooledRecord, 'id'>[] {
  return [
    // First, so that the lines behind them need not wait for their identity.
    ...identities.map((identity) => docRecord('identity', identity.container ?? '', identity)),
    ...tasks.map((identity) => docRecord('identity', taskKey(identity.task ?? ''), identity)),
    ...services.map(serviceRecord),
    ...postures.map(postureRecord),
    ...records.map((record) => ({
      ...toBusRecord(record),
      topic: 'logs' as const,
      lines: record.head.count,
      ...wishOf(record.head.identity),
    })),
    ...samples.map((record) => ({ ...samplesToBus(record), topic: 'metrics' as const, lines: 0 })),
    ...changes.map((doc) => docRecord('changes', serviceOf(doc), doc)),
    ...dead.map((doc) => docRecord('dead', doc.origin, doc)),
  ]
}

function wishOf(identity: Identity): Pick<SpooledRecord, 'whenFull'> {
  const { whenFull } = wishesOf(identity)
  return whenFull === undefined ? {} : { whenFull }
}

function serviceRecord(state: NonNullable<Collected['services']>[number]) {
  if ('gone' in state) return goneRecord('services', state.service)
  const key = 'service' in state ? state.service : marathonKey(state.marathon)
  return docRecord('services', key, state)
}

function postureRecord(posture: NonNullable<Collected['postures']>[number]) {
  const key = postureKey(posture)
  return 'gone' in posture ? goneRecord('posture', key) : docRecord('posture', key, posture)
}

/** An empty value forgets the key. */
function goneRecord(topic: Topic, key: string) {
  return { topic, key, headers: {}, value: new Uint8Array(), lines: 0 }
}

function serviceOf(doc: ChangeDoc): string {
  const service = doc['service.name']
  return typeof service === 'string' ? service : ''
}

const encoder = new TextEncoder()

function docRecord(topic: Topic, key: string, doc: unknown) {
  // Not Buffer.from: that is a view of a shared pool, which would be copied whole to the other thread.
  return { topic, key, headers: {}, value: encoder.encode(JSON.stringify(doc)), lines: 0 }
}

/** One change for each run of consecutive lines that was dropped. */
export function dropChanges(heads: readonly LogHead[], nowMs: number): ChangeDoc[] {
  const runs: LogHead[][] = []
  const newest = new Map<string, LogHead[]>()
  for (const head of heads) {
    const origin = `${head.source} ${head.lineage}`
    const run = newest.get(origin)
    if (run?.at(-1)?.sequence[1] === head.sequence[0] - 1) run.push(head)
    else {
      const started = [head]
      runs.push(started)
      newest.set(origin, started)
    }
  }
  return runs.map((run) => dropChange(run, nowMs))
}

function dropChange(run: LogHead[], nowMs: number): ChangeDoc {
  const { source, lineage, sequence, identity } = run[0] as LogHead
  const last = (run.at(-1) as LogHead).sequence[1]
  const times = run.flatMap(({ time }) => time).toSorted()
  const count = run.reduce((sum, head) => sum + head.count, 0)
  return {
    '@timestamp': msToIso(nowMs),
    'event.id': `change:drop:${source}:${lineage}:${sequence[0]}`,
    'event.kind': 'drop',
    'event.action': 'dropped',
    message:
      `${count} lines of ${source} (sequence ${sequence[0]} to ${last}) ` +
      `from ${times[0]} to ${times.at(-1)} were dropped: the spool was full`,
    'gap.last_read': times[0],
    'gap.first_available': times.at(-1),
    'gap.lines': count,
    ...(identity.service ? { 'service.name': identity.service } : {}),
  }
}

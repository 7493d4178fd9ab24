import stringify from 'fast-json-stable-stringify'
import { levelOf } from '../collectors/level.ts'
import type { BusRecord, ProducedRecord } from '../pipeline/bus/bus.ts'
import { msToIso, type ChangeDoc, type SampleDoc } from '../pipeline/event.ts'
import { identityToEcs } from '../pipeline/identity.ts'
import { encodeRecord, toBusRecord } from '../pipeline/record.ts'
import type { RuleInput, RuleTest } from '../pipeline/rule-test.ts'
import { encodeSamples, samplesToBus } from '../pipeline/sample.ts'
import type { SignalTopic } from '../pipeline/signals.ts'

interface Arrival {
  atMs: number
  topic: SignalTopic
  record: ProducedRecord
}

/** All that comes, by the time at which it does. */
export function arrivalsOf({ input, startMs }: RuleTest) {
  const come = input.flatMap((one) => eventsOf(one, startMs)).toSorted((a, b) => a.atMs - b.atMs)
  const queues = Map.groupBy(come.map(openNumbering()), ({ topic }) => topic)
  const next = new Map<SignalTopic, number>()

  /** Of a topic what came before `ms` and was not taken yet, and the mark behind it. */
  function takeOf(topic: SignalTopic, ms: number): BusRecord[] {
    const queue = queues.get(topic) ?? []
    const first = next.get(topic) ?? 0
    let end = first
    while ((queue[end]?.atMs ?? Infinity) < ms) end++
    next.set(topic, end)
    const came = queue
      .slice(first, end)
      .map(({ record, atMs }, n) => busRecord(record, first + n, atMs))
    return [...came, markOf(ms)]
  }

  return {
    take: (ms: number) => ({
      logs: takeOf('logs', ms),
      metrics: takeOf('metrics', ms),
      changes: takeOf('changes', ms),
    }),
  }
}

/** A bus that has these lines alone. */
function busRecord(record: ProducedRecord, offset: number, time: number): BusRecord {
  return { headers: {}, ...record, offset, time }
}

const markOf = (ms: number): BusRecord => ({
  offset: 0,
  key: 'mark',
  value: new Uint8Array(),
  headers: { kind: 'mark', collector: 'test', through: String(ms) },
  time: ms,
})

interface Come {
  input: RuleInput
  /** Of the event, and when it comes, ms. */
  ms: number
  atMs: number
}

function eventsOf(input: RuleInput, startMs: number): Come[] {
  const { fromMs, toMs, everyMs, lateMs } = input
  const events: Come[] = []
  for (let at = fromMs; at < toMs; at += everyMs) {
    const ms = startMs + at
    events.push({ input, ms, atMs: ms + lateMs })
  }
  return events
}

/** What has one identity comes from one source, numbered as it comes. */
function openNumbering() {
  const counts = new Map<string, number>()
  return ({ input, ms, atMs }: Come): Arrival => {
    const source = `test:${stringify(input.identity)}`
    const n = counts.get(source) ?? 0
    counts.set(source, n + 1)
    return { ...arrivalOf(input, { source, n, ms }), atMs }
  }
}

function arrivalOf(
  { identity, event }: RuleInput,
  { source, n, ms }: { source: string; n: number; ms: number },
): Omit<Arrival, 'atMs'> {
  const id = `${source}:${n}`
  const place = { source, lineage: 'test' }
  const ids = { 'event.id': id, 'event.sequence': n }
  const time = { '@timestamp': msToIso(ms) }
  const who = identityToEcs(identity)
  if ('log' in event) {
    const { message, level = levelOf(JSON.stringify(message).slice(1, -1)), fields } = event.log
    // Time and level come first, as collectors write them; a field of the same name takes no place of ours.
    const head = { ...time, 'log.level': level }
    const stamped = { ...head, ...ids, 'log.iostream': 'stdout' as const, message }
    const line = { ...head, ...fields, ...stamped, ...who }
    return { topic: 'logs', record: toBusRecord(encodeRecord([line], { ...place, identity })) }
  }
  if ('sample' in event) {
    const doc: SampleDoc = { ...time, ...ids, metrics: event.sample, ...who }
    return { topic: 'metrics', record: samplesToBus(encodeSamples([doc], place)) }
  }
  const { kind, action, message, fields } = event.change
  const doc = {
    ...fields,
    ...time,
    'event.id': id,
    'event.kind': kind as ChangeDoc['event.kind'],
    'event.action': action,
    message,
    ...who,
  }
  return { topic: 'changes', record: { key: id, value: Buffer.from(JSON.stringify(doc)) } }
}

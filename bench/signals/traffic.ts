import type { BusRecord } from '../../pipeline/bus/bus.ts'
import {
  msToIso,
  type ChangeDoc,
  type Level,
  type LogDoc,
  type SampleDoc,
} from '../../pipeline/event.ts'
import { identityToEcs, type Identity } from '../../pipeline/identity.ts'
import { encodeRecord, toBusRecord } from '../../pipeline/record.ts'
import { encodeSamples, samplesToBus } from '../../pipeline/sample.ts'
import type { SignalTopic } from '../../pipeline/signals.ts'
import { openMaker, type Maker } from '../data.ts'
import { metricNames, metricOf, rankOf, type Site } from './site.ts'

/** Of the events so many are lines and samples; the rest are changes. */
const shares = { lines: 0.9, samples: 0.09 }
const maxLines = 256
const samplesPerRecord = 50

/** The records that a second brings to each topic. */
export type Second = Record<SignalTopic, BusRecord[]>

/**
 * What a site's services write, a second at a time: of a service that is twice as busy twice as many lines, at most 256 a
 * container and record; samples of an agent in one record. Sequences go on from second to second.
 */
export function openTraffic({ services }: Site, eventsPerSecond: number, random: () => number) {
  const makers = new Map<string, Maker>()
  const sequences = new Map<string, number>()

  function take(source: string, count: number): number {
    const first = sequences.get(source) ?? 0
    sequences.set(source, first + count)
    return first
  }

  const identityOf = (rank: number, instance: number): Identity => {
    const service = services[rank] as string
    const task = `${service.slice(1).replace('/', '_')}.${instance}`
    return { service, task, container: `c${rank}-${instance}`, agent: `agent-${rank % 500}` }
  }

  function lineRecords(ms: number): BusRecord[] {
    const counts = new Map<number, number>()
    for (let n = 0; n < eventsPerSecond * shares.lines; n++) {
      const rank = rankOf(random, services.length)
      counts.set(rank, (counts.get(rank) ?? 0) + 1)
    }
    return [...counts].flatMap(([rank, count]) =>
      Array.from({ length: Math.ceil(count / maxLines) }, (_, instance) =>
        linesOf(
          identityOf(rank, instance),
          rank,
          Math.min(maxLines, count - instance * maxLines),
          ms,
        ),
      ),
    )
  }

  function linesOf(identity: Identity, rank: number, count: number, ms: number): BusRecord {
    const source = `${identity.container}:o`
    const maker = makers.get(source) ?? openMaker(rank % 4, random)
    makers.set(source, maker)
    const first = take(source, count)
    const docs = Array.from({ length: count }, (_, n): LogDoc => {
      const time = msToIso(ms + Math.floor((n * 1000) / count))
      const { text } = maker(time)
      return {
        '@timestamp': time,
        'log.level': levelIn(text),
        'event.id': `${source}:${first + n}`,
        'event.sequence': first + n,
        'log.iostream': 'stdout',
        message: text,
      }
    })
    return onBus(toBusRecord(encodeRecord(docs, { source, lineage: 'l', identity })), ms)
  }

  function sampleRecords(ms: number): BusRecord[] {
    const records = Math.ceil((eventsPerSecond * shares.samples) / samplesPerRecord)
    return Array.from({ length: records }, (_, agent) => {
      const source = `agent-${agent}`
      const first = take(source, samplesPerRecord)
      const docs = Array.from({ length: samplesPerRecord }, (_, n): SampleDoc => ({
        '@timestamp': msToIso(ms),
        'event.id': `sample:${source}:l:${first + n}`,
        'event.sequence': first + n,
        metrics: Object.fromEntries(
          Array.from({ length: metricNames }, (_, metric) => [metricOf(metric), random()]),
        ),
        ...identityToEcs(identityOf(rankOf(random, services.length), n % 4)),
      }))
      return onBus(samplesToBus(encodeSamples(docs, { source, lineage: 'l' })), ms)
    })
  }

  function changeRecords(ms: number): BusRecord[] {
    const count = Math.ceil(eventsPerSecond * (1 - shares.lines - shares.samples))
    return Array.from({ length: count }, () => {
      const id = `change:${take('changes', 1)}`
      const doc: ChangeDoc = {
        '@timestamp': msToIso(ms),
        'event.id': id,
        'event.kind': random() < 0.5 ? 'task' : 'status',
        'event.action': random() < 0.5 ? 'died' : 'started',
        message: 'exit code 1',
        ...identityToEcs(identityOf(rankOf(random, services.length), 0)),
      }
      return onBus({ key: id, headers: {}, value: Buffer.from(JSON.stringify(doc)) }, ms)
    })
  }

  return (ms: number): Second => ({
    logs: lineRecords(ms),
    metrics: sampleRecords(ms),
    changes: changeRecords(ms),
  })
}

function onBus(record: Pick<BusRecord, 'key' | 'headers' | 'value'>, time: number): BusRecord {
  return { ...record, time, offset: 0 }
}

function levelIn(text: string): Level {
  if (text.includes('ERROR')) return 'error'
  if (text.includes('WARN')) return 'warn'
  return text.includes('INFO') ? 'info' : 'unknown'
}

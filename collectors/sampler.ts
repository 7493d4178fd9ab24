import { randomBytes } from 'node:crypto'
import type { Clock } from '../pipeline/clock.ts'
import { msToIso, type SampleDoc } from '../pipeline/event.ts'
import { identityToEcs, type Identity } from '../pipeline/identity.ts'
import { encodeSamples } from '../pipeline/sample.ts'
import { openPlausibleTime } from './plausible-time.ts'
import type { Collected, Sink } from './sink.ts'

/** What was measured of one thing. */
export interface Measured {
  /** When, ms. */
  timeMs: number
  /** By the names of `pipeline/metric-names.ts`; undefined and what is not finite is left out. */
  metrics: Record<string, number | undefined>
  identity: Identity
  /** More fields of the document. */
  fields?: Record<string, unknown>
}

export interface SamplerOptions {
  /** `<collector>:<place>`, as it stands in the head of its records. */
  source: string
  sink: Sink
  clock: Clock
  /** 1000 unless set. */
  maxPerRecord?: number
}

export interface Sampler {
  /**
   * Records of all of it, with the position behind them: both go into one batch, batches in the order of the calls. A kill
   * then neither repeats nor skips a sequence.
   */
  take(measured: readonly Measured[]): Pick<Collected, 'samples' | 'positions'>
}

interface Position {
  lineage: string
  /** The next sequence. */
  next: number
}

export function openSampler({ source, sink, clock, maxPerRecord = 1000 }: SamplerOptions): Sampler {
  const [collector, ...place] = source.split(':')
  const key = `${collector}:samples:${place.join(':')}`
  const position = readPosition(sink.position(key))
  const { lineage } = position
  const plausible = openPlausibleTime()

  function toDoc({ timeMs, metrics, identity, fields }: Measured): SampleDoc | undefined {
    const values = Object.entries(metrics).filter(([, value]) => Number.isFinite(value))
    if (values.length === 0) return undefined
    const sequence = position.next++
    const nowMs = clock.now()
    return {
      '@timestamp': Number.isFinite(timeMs) ? plausible(iso(timeMs, nowMs), nowMs) : msToIso(nowMs),
      'event.id': `sample:${source}:${lineage}:${sequence}`,
      'event.sequence': sequence,
      metrics: Object.fromEntries(values) as Record<string, number>,
      ...fields,
      ...identityToEcs(identity),
    }
  }

  return {
    take(measured) {
      const docs = measured.map(toDoc).filter((doc) => doc !== undefined)
      if (docs.length === 0) return {}
      const samples = []
      for (let i = 0; i < docs.length; i += maxPerRecord) {
        samples.push(encodeSamples(docs.slice(i, i + maxPerRecord), { source, lineage }))
      }
      return { samples, positions: { [key]: { ...position } } }
    },
  }
}

/** Times beyond what a Date holds are taken for those of reading. */
function iso(timeMs: number, nowMs: number): string {
  return msToIso(Math.abs(timeMs) <= 8.64e15 ? timeMs : nowMs)
}

/** A new lineage where there is none, or none that can be used. */
function readPosition(stored: unknown): Position {
  const { lineage, next } = (stored ?? {}) as Partial<Position>
  if (typeof lineage === 'string' && lineage !== '' && Number.isSafeInteger(next)) {
    return { lineage, next: next as number }
  }
  return { lineage: randomBytes(9).toString('base64url'), next: 0 }
}

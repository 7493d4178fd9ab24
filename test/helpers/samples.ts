import { msToIso, type SampleDoc } from '../../pipeline/event.ts'
import { identityToEcs, type Identity } from '../../pipeline/identity.ts'
import { encodeSamples, type SampleRecord } from '../../pipeline/sample.ts'
import { someTime } from './pipeline.ts'

export interface SampleOptions {
  source: string
  lineage?: string
  sequence?: number
  /** ms. */
  at?: number
  identity?: Identity
  metrics?: Record<string, number>
}

/** One sample; half a core of `/web`, unless told otherwise. */
export function sample({
  source,
  lineage = 'l',
  sequence = 0,
  ...given
}: SampleOptions): SampleDoc {
  const { at = someTime, identity = { service: '/web' } } = given
  return {
    '@timestamp': msToIso(at),
    'event.id': `sample:${source}:${lineage}:${sequence}`,
    'event.sequence': sequence,
    metrics: given.metrics ?? { 'container.cpu.usage': 0.5 },
    ...identityToEcs(identity),
  }
}

/** A record of `count` such samples, or of one for each of `values`. */
export function samplesOf(options: SampleOptions, count: number | number[]): SampleRecord {
  const { source, lineage = 'l', sequence = 0 } = options
  const values = typeof count === 'number' ? Array.from({ length: count }, () => 0.5) : count
  const docs = values.map((value, i) =>
    sample({ metrics: { 'container.cpu.usage': value }, ...options, sequence: sequence + i }),
  )
  return encodeSamples(docs, { source, lineage })
}

/** What people ask of the process that scales: records of the topic `requests`, taken in their order. */
import type { ProducedRecord } from '../pipeline/bus/bus.ts'
import { scalingRequestKey, type ScalingPause } from '../pipeline/scaling-desk.ts'
import { readPause } from './pause.ts'

export type ScalingRequest =
  { kind: 'pause'; pause: ScalingPause } | { kind: 'resume'; service: string; by: string }

export function encodeRequest(request: ScalingRequest): ProducedRecord {
  return { key: scalingRequestKey, value: Buffer.from(JSON.stringify(request)) }
}

/** Throws where it is none of this version. */
export function decodeRequest(value: Uint8Array): ScalingRequest {
  const request = JSON.parse(Buffer.from(value).toString('utf8')) as Partial<ScalingRequest> | null
  if (request?.kind === 'pause') {
    const pause = readPause(request.pause)
    if (pause) return { kind: 'pause', pause }
  }
  if (request?.kind === 'resume') {
    const { service, by } = request
    if (typeof service === 'string' && typeof by === 'string')
      return { kind: 'resume', service, by }
  }
  throw new TypeError('not a request')
}

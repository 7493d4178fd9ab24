/**
 * What other processes, and people, ask of the process that notifies: records of the topic `requests`. They are taken in
 * their order, each once: how far is written down with what came of them.
 */
import type { ProducedRecord } from '../pipeline/bus/bus.ts'
import type { PostedAlert } from './stages/alerts.ts'
import type { SilenceRequest } from './stages/silences.ts'

export type DeskRequest =
  | { kind: 'post'; alerts: readonly PostedAlert[]; atMs: number }
  | { kind: 'silence'; id: string; silence: SilenceRequest; atMs: number }
  | { kind: 'expire'; id: string; atMs: number }
  /** Of one receiver, or all. */
  | { kind: 'test'; id: string; receiver?: string; atMs: number }

export function encodeRequest(request: DeskRequest): ProducedRecord {
  return { key: request.kind, value: Buffer.from(JSON.stringify(request)) }
}

const kinds = ['post', 'silence', 'expire', 'test'] as const satisfies DeskRequest['kind'][]

/** Throws where it is none of this version. */
export function decodeRequest(value: Uint8Array): DeskRequest {
  const request = JSON.parse(Buffer.from(value).toString('utf8')) as DeskRequest | null
  const { kind, atMs } = request ?? {}
  const isKnown = kinds.some((one) => one === kind)
  if (!request || !isKnown || typeof atMs !== 'number') throw new TypeError('not a request')
  return request
}

import type { BusRecord } from '../pipeline/bus/bus.ts'
import { isoToNs } from '../pipeline/event.ts'
import { identityFromEcs, identityToEcs, type Identity } from '../pipeline/identity.ts'
import type { StoredDoc } from '../pipeline/store/store.ts'

/** What is known more of an identity that an event of this time has; the same where there is nothing to add. */
export type Complete = (identity: Identity, time?: string) => Identity

/**
 * A change, decision or dead letter of the bus. Throws TypeError where a field that all of us go by is missing: a
 * document without it would be refused for ever.
 */
export function readDoc({ value }: Pick<BusRecord, 'value'>): StoredDoc {
  const doc = JSON.parse(Buffer.from(value).toString('utf8')) as StoredDoc | null
  for (const field of ['@timestamp', 'event.id', 'event.kind'] as const) {
    if (typeof doc?.[field] !== 'string') throw new TypeError(`a document without ${field}`)
  }
  if (isoToNs((doc as StoredDoc)['@timestamp']) === undefined) {
    throw new TypeError('a document whose @timestamp is no time')
  }
  return doc as StoredDoc
}

/** The identity of a sample or change, completed, and the document with it. Parts that are no text are none. */
export function identified<Doc extends Record<string, unknown>>(
  doc: Doc,
  complete: Complete | undefined,
): { identity: Identity; doc: Doc } {
  const told = textsOf(identityFromEcs(doc))
  if (!complete) return { identity: told, doc }
  const time = doc['@timestamp']
  const identity = complete(told, typeof time === 'string' ? time : undefined)
  return identity === told
    ? { identity, doc }
    : { identity, doc: { ...doc, ...identityToEcs(identity) } }
}

function textsOf(identity: Identity): Identity {
  const texts = Object.entries(identity).filter(
    ([part, value]) => part === 'labels' || (typeof value === 'string' && value !== ''),
  )
  return Object.fromEntries(texts)
}

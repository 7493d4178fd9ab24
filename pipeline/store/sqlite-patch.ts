import stringify from 'fast-json-stable-stringify'
import type { LogDoc } from '../event.ts'
import { identityFromEcs, unresolvedService, type Identity } from '../identity.ts'
import { decodeDocs, encodeRecord } from '../record.ts'
import { searchText, splitRecord } from './blocks.ts'
import {
  deleteBlock,
  docsOfBlock,
  insertBlock,
  replaceBlock,
  type WriteDay,
} from './sqlite-write-day.ts'
import type { IdentityPatch } from './store.ts'

/** Completes the identity of one day's lines, inside a transaction of the caller's; returns how many changed. */
export function patchDay(day: WriteDay, patch: IdentityPatch): number {
  const { source, ids, lacking = 'service' } = patch
  const unknown = lacking === 'service' ? unresolvedService : ''
  const blocks = day.db
    .prepare(
      `SELECT blocks.id, lineage, json FROM blocks JOIN identities ON identities.id = identity
       WHERE source = ? ${ids ? '' : `AND ${lacking} = ?`}`,
    )
    .all(...(ids ? [source] : [source, unknown]))
  let changed = 0
  for (const { id, lineage, json } of blocks) {
    changed += patchBlock(day, patch, {
      id: id as number,
      lineage: lineage as string,
      identity: JSON.parse(json as string) as Identity,
    })
  }
  return changed
}

interface Block {
  id: number
  lineage: string
  identity: Identity
}

/** If only a part of the block changes it is cut, so that a block keeps one identity. */
function patchBlock(
  day: WriteDay,
  { source, ids, identity }: IdentityPatch,
  { id, lineage, identity: old }: Block,
): number {
  const wanted = ids && new Set(ids)
  const isHit = (doc: LogDoc) =>
    (!wanted || wanted.has(doc['event.id'])) && !hasIdentity(doc, identity)
  const docs = docsOfBlock(day, id)
  const changed = docs.filter(isHit).length
  if (changed === 0) return 0
  const whole = encodeRecord(docs, { source, lineage, identity: old })
  const complete = { source, lineage, identity: { ...old, ...identity } }
  if (changed === docs.length) {
    replaceBlock(day, id, encodeRecord(docs, complete))
    return changed
  }
  deleteBlock(day, id)
  const kept = splitRecord(whole, (doc) => !isHit(doc))
  const cut = splitRecord(whole, isHit).map((part) => encodeRecord(decodeDocs(part), complete))
  for (const part of [...kept, ...cut]) insertBlock(day, part, searchText(part))
  return changed
}

function hasIdentity(doc: LogDoc, identity: Identity): boolean {
  const there = identityFromEcs(doc)
  return stringify({ ...there, ...identity }) === stringify(there)
}

import stringify from 'fast-json-stable-stringify'
import { Trouble } from '../errors.ts'
import { identityFields, identityFromEcs, identityToEcs, unresolvedService } from '../identity.ts'
import type { Elasticsearch } from './elasticsearch-client.ts'
import { documentId, type Indices } from './elasticsearch-indices.ts'
import { either, lacks, scan, type Dsl, type Hit } from './elasticsearch-scan.ts'
import { lineSort, type StoredLine } from './elasticsearch-search.ts'
import type { IdentityPatch } from './store.ts'

const linesAtOnce = 1000
const charactersAtOnce = 5_000_000
/** How often lines that someone else changed meanwhile are looked at again. */
const rounds = 5

/** Completes lines one by one, each only if nobody changed it meanwhile; the number that changed. */
export async function patchIdentity(
  es: Elasticsearch,
  indices: Indices,
  patches: readonly IdentityPatch[],
): Promise<number> {
  let changed = 0
  for (let round = 0, left = [...patches]; left.length > 0; round++) {
    // What was stored just now has to be found.
    await es.ask({
      method: 'POST',
      path: `/${indices.all('logs')}/_refresh`,
      query: { ignore_unavailable: true },
    })
    const again: IdentityPatch[] = []
    for (const patch of left) {
      const done = await patchOnce(es, indices, patch)
      changed += done.changed
      if (done.conflicts > 0) again.push(patch)
    }
    if (again.length > 0 && round >= rounds) {
      throw new Trouble('lines that get their identity are changed by others all the time', {
        retryable: true,
      })
    }
    left = again
  }
  return changed
}

interface Done {
  changed: number
  conflicts: number
}

async function patchOnce(es: Elasticsearch, indices: Indices, patch: IdentityPatch): Promise<Done> {
  const done: Done = { changed: 0, conflicts: 0 }
  let waiting: Hit<StoredLine>[] = []
  let size = 0
  const flush = async () => {
    const lines = waiting
    waiting = []
    size = 0
    if (lines.length === 0) return
    const { changed, conflicts } = await rewrite(es, lines, patch)
    done.changed += changed
    done.conflicts += conflicts
  }
  for (const filter of filtersOf(patch)) {
    for await (const hit of scan<StoredLine>(es, {
      target: indices.all('logs'),
      filter,
      sort: lineSort('asc'),
      pageSize: linesAtOnce,
    })) {
      if (hasIdentity(hit._source, patch)) continue
      waiting.push(hit)
      size += hit._source.message.length
      if (waiting.length >= linesAtOnce || size > charactersAtOnce) await flush()
    }
  }
  await flush()
  return done
}

/** Ids in portions. */
function filtersOf({ source, ids, lacking = 'service' }: IdentityPatch): Dsl[][] {
  const ofSource = { term: { 'mesoscope.source': source } }
  if (ids) {
    const known = ids.filter((id) => id !== '').map(documentId)
    return Array.from({ length: Math.ceil(known.length / linesAtOnce) }, (_, i) => [
      ofSource,
      { ids: { values: known.slice(i * linesAtOnce, (i + 1) * linesAtOnce) } },
    ])
  }
  const field = identityFields[lacking]
  const missing = lacks(field)
  return [
    [
      ofSource,
      lacking === 'service' ? either([missing, { term: { [field]: unresolvedService } }]) : missing,
    ],
  ]
}

function hasIdentity(doc: Record<string, unknown>, { identity }: IdentityPatch): boolean {
  const there = identityFromEcs(doc)
  return stringify({ ...there, ...identity }) === stringify(there)
}

async function rewrite(
  es: Elasticsearch,
  hits: readonly Hit<StoredLine>[],
  { identity }: IdentityPatch,
): Promise<Done> {
  const ecs = identityToEcs(identity)
  const lines = hits.map(({ _index, _id, _seq_no, _primary_term, _source }) => {
    const action = { _index, _id, if_seq_no: _seq_no, if_primary_term: _primary_term }
    return `${JSON.stringify({ index: action })}\n${JSON.stringify({ ..._source, ...ecs })}\n`
  })
  const answer = await es.ask<{
    items: { index: { status: number; error?: { type: string; reason: string } } }[]
  }>({
    method: 'POST',
    path: '/_bulk',
    query: { filter_path: 'items.*.status,items.*.error' },
    ndjson: Buffer.from(lines.join('')),
  })
  const done: Done = { changed: 0, conflicts: 0 }
  for (const { index: item } of answer.items) {
    if (!item.error) done.changed++
    else if (item.status === 409) done.conflicts++
    else {
      const { type, reason } = item.error
      throw new Trouble(
        `Elasticsearch did not take an identity: ${item.status} ${reason} (${type})`,
        {
          retryable: item.status !== 400,
        },
      )
    }
  }
  return done
}

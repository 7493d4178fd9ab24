import type { LogDoc } from '../event.ts'
import { unresolvedService } from '../identity.ts'
import type { Elasticsearch } from './elasticsearch-client.ts'
import type { Indices } from './elasticsearch-indices.ts'
import { plan } from './elasticsearch-plan.ts'
import { buckets, scan, timeFilter } from './elasticsearch-scan.ts'
import { isoFrom, isoTo, withMargin } from './range.ts'
import type { Audit, AuditScope, SequenceGap } from './store.ts'

/** The lines of one source and lineage in the range and its margin. */
interface Run {
  key: { source: string; lineage: string }
  doc_count: number
  first: { value: number }
  last: { value: number }
  within: { doc_count: number }
}

/** Sequences are dense: where there are fewer lines than numbers some are missing, and only there each line is looked at. */
export async function audit(
  es: Elasticsearch,
  indices: Indices,
  scope: AuditScope,
): Promise<Audit> {
  const [from, to] = [isoFrom(scope.from), isoTo(scope.to)]
  const { filter } = plan({ ...scope, ...withMargin(scope) })
  const sources = new Set<string>()
  let lines = 0
  const gaps: SequenceGap[] = []
  for await (const run of buckets<Run>(es, indices.all('logs'), filter, {
    sources: [
      { source: { terms: { field: 'mesoscope.source' } } },
      { lineage: { terms: { field: 'mesoscope.lineage' } } },
    ],
    aggs: {
      first: { min: { field: 'event.sequence' } },
      last: { max: { field: 'event.sequence' } },
      within: { filter: timeFilter(scope) ?? { match_all: {} } },
    },
  })) {
    lines += run.within.doc_count
    if (run.within.doc_count > 0) sources.add(run.key.source)
    if (run.doc_count === run.last.value - run.first.value + 1) continue
    gaps.push(...(await holes(es, indices, run)))
  }
  const touched = gaps.filter(({ between }) => between[0] < to && between[1] >= from)
  return { sources: sources.size, lines, gaps: touched }
}

/** What is missing in the range may be stored under a time outside of it: clocks jump. */
async function holes(es: Elasticsearch, indices: Indices, run: Run): Promise<SequenceGap[]> {
  const { source, lineage } = run.key
  const found: SequenceGap[] = []
  let before: LogDoc | undefined
  for await (const { _source: line } of scan<LogDoc>(es, {
    target: indices.all('logs'),
    filter: [
      { term: { 'mesoscope.source': source } },
      { term: { 'mesoscope.lineage': lineage } },
      { range: { 'event.sequence': { gte: run.first.value, lte: run.last.value } } },
    ],
    sort: [{ 'event.sequence': 'asc' }],
    pageSize: 1000,
  })) {
    const [last, next] = [before?.['event.sequence'], line['event.sequence']]
    if (before && last !== undefined && next > last + 1) {
      found.push({
        source,
        service: (line['service.name'] as string | undefined) ?? unresolvedService,
        missing: [last + 1, next - 1],
        between: [before['@timestamp'], line['@timestamp']],
      })
    }
    before = line
  }
  return found
}

import { Trouble } from '../errors.ts'
import { isoToMs, type Level, type LogDoc } from '../event.ts'
import { unresolvedService } from '../identity.ts'
import type { Elasticsearch } from './elasticsearch-client.ts'
import type { Indices } from './elasticsearch-indices.ts'
import { plan } from './elasticsearch-plan.ts'
import { buckets, scan } from './elasticsearch-scan.ts'
import { lineSort } from './elasticsearch-search.ts'
import type { Histogram, LogQuery, ServiceSummary, TimeRange } from './store.ts'

type Levels = Partial<Record<Level, number>>

/** Counted by Elasticsearch where it can tell what matches, else line by line. */
export async function histogram(
  es: Elasticsearch,
  indices: Indices,
  query: LogQuery,
  bucketMs: number,
): Promise<Histogram> {
  if (!Number.isFinite(bucketMs) || bucketMs <= 0) {
    throw new Trouble(`cannot count by buckets of ${bucketMs} ms`, {
      remedy: 'give a length above 0',
    })
  }
  const counted = new Map<number, Levels>()
  let total = 0
  const count = (from: number, level: Level, n: number) => {
    const counts = counted.get(from) ?? {}
    counted.set(from, counts)
    counts[level] = (counts[level] ?? 0) + n
    total += n
  }
  const { filter, accept } = plan(query)
  const target = indices.all('logs')
  if (accept || !Number.isInteger(bucketMs)) {
    const startOf = (iso: string) => Math.floor(isoToMs(iso) / bucketMs) * bucketMs
    const asked = { target, filter, sort: lineSort('asc'), pageSize: 1000 }
    for await (const { _source: line } of scan<LogDoc>(es, asked)) {
      if (!accept || accept(line)) count(startOf(line['@timestamp']), line['log.level'], 1)
    }
  } else {
    for await (const { key, doc_count } of buckets<TimeAndLevel>(es, target, filter, {
      sources: [
        { from: { date_histogram: { field: '@timestamp', fixed_interval: `${bucketMs}ms` } } },
        { level: { terms: { field: 'log.level' } } },
      ],
    })) {
      count(key.from, key.level, doc_count)
    }
  }
  return {
    bucketMs,
    buckets: [...counted].toSorted(([a], [b]) => a - b).map(([from, levels]) => ({ from, levels })),
    total,
  }
}

interface TimeAndLevel {
  key: { from: number; level: Level }
  doc_count: number
}

interface TaskAndLevel {
  key: { service: string | null; task: string | null; level: Level }
  doc_count: number
  last: { value: number }
}

const maxListedTasks = 100

/** By task and level, so that all numbers are exact. */
export async function services(
  es: Elasticsearch,
  indices: Indices,
  range: TimeRange,
): Promise<ServiceSummary[]> {
  const { filter } = plan(range)
  const found = new Map<string, Heard>()
  for await (const { key, doc_count, last } of buckets<TaskAndLevel>(
    es,
    indices.all('logs'),
    filter,
    {
      sources: [
        { service: { terms: { field: 'service.name', missing_bucket: true } } },
        { task: { terms: { field: 'mesos.task.id', missing_bucket: true } } },
        { level: { terms: { field: 'log.level' } } },
      ],
      aggs: { last: { max: { field: '@timestamp' } } },
    },
  )) {
    const service = key.service ?? unresolvedService
    const lastMs = Math.floor(last.value)
    const heard = found.get(service) ?? newSummary(service)
    found.set(service, heard)
    heard.lines += doc_count
    heard.levels[key.level] = (heard.levels[key.level] ?? 0) + doc_count
    heard.lastMs = Math.max(heard.lastMs, lastMs)
    if (key.task !== null) {
      heard.lastOf.set(key.task, Math.max(heard.lastOf.get(key.task) ?? 0, lastMs))
    }
  }
  return [...found.values()]
    .map(({ lastOf, ...summary }) => ({
      ...summary,
      tasks: newest(lastOf),
      taskCount: lastOf.size,
    }))
    .toSorted((a, b) => b.lastMs - a.lastMs || (a.service < b.service ? -1 : 1))
}

interface Heard extends ServiceSummary {
  lastOf: Map<string, number>
}

function newSummary(service: string): Heard {
  return {
    service,
    lines: 0,
    levels: {},
    tasks: [],
    taskCount: 0,
    lastMs: 0,
    lastOf: new Map(),
  }
}

function newest(lastOf: Map<string, number>): string[] {
  const sorted = [...lastOf].toSorted(([, a], [, b]) => b - a)
  return sorted.slice(0, maxListedTasks).map(([task]) => task)
}

import { workerData } from 'node:worker_threads'
import { serve } from '../rpc.ts'
import { explained } from '../sqlite.ts'
import { context } from './sqlite-context.ts'
import { histogram, services } from './sqlite-counts.ts'
import { openDays, type Days } from './sqlite-days.ts'
import { buckets } from './sqlite-buckets.ts'
import { docs } from './sqlite-docs.ts'
import { audit } from './sqlite-gaps.ts'
import { samples } from './sqlite-samples.ts'
import { search } from './sqlite-search.ts'
import { series } from './sqlite-series.ts'

/** The thread that answers questions; it opens what the writer has written and never waits for it. */
const days = openDays((workerData as { dir: string }).dir)

/** A failure of SQLite's names the day's file. */
function answering<Args extends unknown[], Answer>(
  ask: (days: Days, ...args: Args) => Answer,
): (...args: Args) => Answer {
  return (...args) => explained(days.current, () => ask(days, ...args))
}

const handlers = {
  search: answering(search),
  context: answering(context),
  histogram: answering(histogram),
  services: answering(services),
  docs: answering(docs),
  samples: answering(samples),
  buckets: answering(buckets),
  series: answering(series),
  audit: answering(audit),
  shut: () => days.close(),
}
export type StoreReader = typeof handlers
serve(handlers)

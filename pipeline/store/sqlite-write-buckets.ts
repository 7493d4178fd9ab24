import stringify from 'fast-json-stable-stringify'
import type { SignalBucket } from '../event.ts'
import { hasTable } from './sqlite-schema.ts'
import type { WriteDay } from './sqlite-write-day.ts'

/** Buckets of one day, inside a transaction of the caller's; each replaces the one of its key. */
export function insertBuckets(day: WriteDay, buckets: readonly SignalBucket[]): void {
  takeOver(day)
  for (const { signal, group, from, to, partition, count, lastMs, values, ...more } of buckets) {
    const series = day.series.idOf(signal, stringify(group))
    const { sum = null, min = null, max = null, last = null } = values ?? {}
    const point = day.putPoint.run(series, from, partition, to, count, lastMs, sum, min, max, last)
    const { sketch = null, distinct = null } = more
    // What has counted less replaces neither.
    if (point.changes === 0) continue
    if (sketch === null && distinct === null) day.dropDistribution.run(series, from, partition)
    else day.putDistribution.run(series, from, partition, sketch, distinct)
  }
}

/** What 0.1.0 has written of this day, once. */
function takeOver({ db }: WriteDay): void {
  if (!hasTable(db, 'buckets')) return
  db.exec(`
    INSERT OR IGNORE INTO series (signal, grp) SELECT DISTINCT signal, grp FROM buckets;
    INSERT INTO points
      SELECT series.id, "from", partition, "to", count, last, NULL, NULL, NULL, NULL
      FROM buckets JOIN series USING (signal, grp);
    DROP TABLE buckets`)
}

import { sizeOf, type SpooledRecord } from './spool-records.ts'

/**
 * The newest records of the spool, kept in memory beside the disk, so that the usual way needs no reading back.
 * Ids are dense but for what was dropped.
 */
export function openRecent(maxBytes: number) {
  const records: SpooledRecord[] = []
  let bytes = 0

  function forgetWhile(wanted: (record: SpooledRecord) => boolean): void {
    let count = 0
    for (const record of records) {
      if (!wanted(record)) break
      bytes -= sizeOf(record)
      count++
    }
    if (count > 0) records.splice(0, count)
  }

  return {
    push(record: SpooledRecord): void {
      records.push(record)
      bytes += sizeOf(record)
      // A good part at once: moving the rest of a long array for each record would be slow.
      if (bytes > maxBytes) forgetWhile(() => bytes > maxBytes * 0.75)
    },
    /**
     * About `wanted` bytes of the records that follow the id `after`, and forgets those up to it; undefined if
     * memory does not hold the very next one.
     */
    following(after: number, wanted: number): SpooledRecord[] | undefined {
      forgetWhile(({ id }) => id <= after)
      if (records[0]?.id !== after + 1) return undefined
      let size = 0
      const end = records.findIndex((record) => (size += sizeOf(record)) >= wanted)
      return records.slice(0, end < 0 ? records.length : end + 1)
    },
    clear(): void {
      records.length = 0
      bytes = 0
    },
    bytes: () => bytes,
  }
}

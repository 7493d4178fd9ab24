import { join } from 'node:path'
import type { Settings } from '../config/settings.ts'
import type { Bus } from '../pipeline/bus/bus.ts'
import { openEmbeddedBus } from '../pipeline/bus/embedded.ts'
import type { Clock } from '../pipeline/clock.ts'
import type { Logger } from '../pipeline/log.ts'
import { openSqliteStore } from '../pipeline/store/sqlite.ts'
import type { Store } from '../pipeline/store/store.ts'
import { storeDirectory } from './files.ts'

interface Surroundings {
  clock: Clock
  log: Logger
}

/** Kafka where it is set up, else the file in the data directory. */
export function openBus({ data, bus }: Settings, { clock }: Surroundings): Promise<Bus> {
  return openEmbeddedBus({
    dir: join(data, 'bus'),
    clock,
    retentionMs: bus.retention,
    maxBytes: bus.max_bytes,
  })
}

/** Elasticsearch where it is set up, else the files in the data directory. */
export async function openStore(
  { data }: Settings,
  _surroundings: Pick<Surroundings, 'log'>,
): Promise<Store> {
  return openSqliteStore({ dir: storeDirectory(data) })
}

import type { Settings } from '../config/settings.ts'
import type { Bus } from '../pipeline/bus/bus.ts'
import type { Clock } from '../pipeline/clock.ts'
import type { Component } from '../pipeline/health.ts'
import type { Logger } from '../pipeline/log.ts'
import type { Metrics } from '../pipeline/metrics.ts'
import type { SignalDeclarations } from '../pipeline/signals.ts'
import type { Store } from '../pipeline/store/store.ts'
import type { Services } from '../processors/services.ts'

/** What every part is given. */
export interface Base {
  settings: Settings
  signals: SignalDeclarations
  bus: Bus
  /** As Marathon tells them. */
  services: Services
  clock: Clock
  metrics: Metrics
  log: Logger
  /** Parts in the order in which they were opened; each tells its own trouble. */
  components: Component[]
  /** Opens what needs the bus; where that is Kafka, waits while it is away. */
  patiently: <T>(open: () => Promise<T>) => Promise<T>
  stack: AsyncDisposableStack
}

/** What is given to parts that write to the store or search in it: collectors do not, and need none to be there. */
export interface BaseWithStore extends Base {
  store: Store
}

/** Undefined for what has not come to any time yet (0, or no number). */
export function secondsSince(ms: number | undefined, clock: Clock): number | undefined {
  if (ms === undefined || ms <= 0 || !Number.isFinite(ms)) return undefined
  return Math.max(0, clock.now() - ms) / 1000
}

import type { ChangeDoc, DeadLetter } from '../pipeline/event.ts'
import type { Lag } from '../pipeline/health.ts'
import type { Identity, ToldTask } from '../pipeline/identity.ts'
import type { Posture } from '../pipeline/posture.ts'
import type { LogRecord } from '../pipeline/record.ts'
import type { SampleRecord } from '../pipeline/sample.ts'
import type { MarathonState, ServiceState } from '../pipeline/service-state.ts'

/**
 * Where collectors put what they read: the spool. A batch is atomic: after a kill either all of it is there,
 * with the read positions, or nothing of it is, and the collector reads it again.
 */
export interface Sink {
  /**
   * Resolves when the batch is on disk. Waits (it does not reject) while the spool is full or the disk refuses:
   * that is the backpressure; the reader simply reads no further.
   */
  append(batch: Collected): Promise<void>
  /** The last position put for this input, if any; read once when an input is opened. */
  position(input: string): unknown
  /** All inputs that have a position and start with `prefix`. */
  positions(prefix: string): string[]
}

/** Lines that a sample does not hold. */
export interface LeftOut {
  count: number
  /** Of the earliest and the latest one. */
  time: [string, string]
}

/** `leftOut`: since the record before it. */
export type CollectedRecord = LogRecord & { leftOut?: LeftOut }

export interface Collected {
  records?: CollectedRecord[]
  changes?: ChangeDoc[]
  dead?: DeadLetter[]
  samples?: SampleRecord[]
  /** What was learnt of containers; goes to the identity topic. */
  identities?: Identity[]
  /** What Mesos and Marathon know of tasks; goes to the identity topic as well (`taskKey`). */
  tasks?: ToldTask[]
  /** How services stand in Marathon; `gone` forgets one. */
  services?: (ServiceState | MarathonState | { service: string; gone: true })[]
  /** How containers run, and apps are to run; `gone` forgets one. */
  postures?: (Posture | (Pick<Posture, 'of' | 'id'> & { gone: true }))[]
  /** New read positions by input (JSON values); null forgets one. */
  positions?: Record<string, unknown>
}

/** A running collector. */
export interface Collector {
  name: string
  /**
   * Everything written before this time (ms) and readable by this collector has been appended to the sink. It
   * becomes the watermark: what has not come by then is absent, not late.
   */
  through(): number
  /** What is wrong, in one sentence with the remedy; undefined while all is well. */
  trouble(): string | undefined
  /** Which of its inputs are behind. */
  lags?(): Lag[]
  /** Stops reading; what was read is appended. */
  close(): Promise<void>
}

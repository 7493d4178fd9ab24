import type { Bus, ProducedRecord } from './bus/bus.ts'
import { pause } from './clock.ts'
import { Trouble } from './errors.ts'

const pollMs = 20

export interface AskedOptions {
  bus: Pick<Bus, 'produce'>
  /** Whether what is asked for holds, as far as this process sees. */
  holds: () => boolean
  /** How long to wait for that, ms. */
  waitMs: number
  /** Of whoever has to take it. */
  role: string
}

/** Asks something of another process by the topic `requests`. Rejects with Trouble that is retryable where it does not come to hold. */
export async function askFor(request: ProducedRecord, options: AskedOptions): Promise<void> {
  const { bus, holds, waitMs, role } = options
  await bus.produce('requests', [request])
  const deadline = performance.now() + waitMs
  while (!holds()) {
    if (performance.now() > deadline) {
      throw new Trouble('it is written down, but nobody has taken it yet', {
        remedy: `see whether a process with the role ${role} runs`,
        retryable: true,
      })
    }
    await pause(pollMs)
  }
}

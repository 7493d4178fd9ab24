import type { Bus, Topic } from '../pipeline/bus/bus.ts'
import { openLeader } from '../pipeline/bus/leader.ts'
import { pause } from '../pipeline/clock.ts'
import { explain } from '../pipeline/errors.ts'
import { openGate } from '../pipeline/gate.ts'
import type { Base } from './base.ts'

export interface Duty<Part> {
  /** Undefined while another process does it. */
  current(): Part | undefined
  /** Where this process does it: ends it and opens it anew, and tries that until it is open. */
  reopen(): Promise<void>
  trouble(): string | undefined
}

/** So long after it could not be opened it is tried again, ms. */
const reopenMs = 500

/** What one of several processes does at a time: with the bus by which it leads. */
export function openDuty<Part extends { close(): Promise<void> }>(
  { bus, log, stack }: Pick<Base, 'bus' | 'log' | 'stack'>,
  topic: Topic,
  open: (bus: Bus) => Promise<Part>,
  /** What is wrong while it cannot be opened anew. */
  notReopened: string,
): Duty<Part> {
  let part: Part | undefined
  let leading: Bus | undefined
  let failure: string | undefined
  /** Opening and closing, one after the other. */
  const inTurn = openGate(1)

  async function close(): Promise<void> {
    const opened = part
    part = undefined
    await opened?.close()
  }

  /** What was closed to be opened anew has to be there again, whatever the bus does meanwhile. */
  async function reopen(): Promise<void> {
    if (!leading) return
    await close()
    for (let own: Bus | undefined = leading; own; own = leading) {
      try {
        part = await open(own)
        break
      } catch (error) {
        failure = `${notReopened}: ${explain(error)}`
        log.error({ error }, `${notReopened}; tried again`)
        await pause(reopenMs)
      }
    }
    failure = undefined
  }

  const leader = openLeader({
    bus,
    topic,
    log,
    async lead(own) {
      part = await inTurn(() => open(own))
      leading = own
      return {
        async close() {
          leading = undefined
          await inTurn(close)
        },
      }
    },
  })
  stack.defer(() => leader.close())
  return {
    current: () => part,
    reopen: () => inTurn(reopen),
    trouble: () => leader.trouble() ?? failure,
  }
}

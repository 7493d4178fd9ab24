import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Bus } from '../../../pipeline/bus/bus.ts'
import { openEmbeddedBus } from '../../../pipeline/bus/embedded.ts'
import { manualClock, wallClock } from '../../../pipeline/clock.ts'
import type { BusSubject } from '../../contracts/bus-subject.ts'

const mib = 2 ** 20

/** An embedded bus in a directory of its own, small enough to be filled. */
export async function openEmbeddedSubject(patienceMs?: number) {
  const dir = await mkdtemp(join(tmpdir(), 'mesoscope-bus-'))
  const clock = manualClock(wallClock.now())
  const open = () => openEmbeddedBus({ dir, clock, maxBytes: 4 * mib })
  let bus = await open()
  const subject = {
    bus,
    dir,
    clock,
    async reopen(): Promise<Bus> {
      await bus.close()
      return (bus = await open())
    },
    /** A full bus deletes what all have read for some seconds. */
    async trim() {
      for (const value of [Buffer.alloc(5 * mib), Buffer.alloc(1), Buffer.alloc(1)]) {
        clock.set(clock.now() + 6000)
        await bus.produce('signals', [{ key: 'filler', value }])
      }
    },
    async clean() {
      await bus.close()
      await rm(dir, { recursive: true, force: true })
    },
    ...(patienceMs === undefined ? {} : { patienceMs }),
  }
  return subject satisfies BusSubject
}

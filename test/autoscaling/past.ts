import type { ExecutionContext } from 'ava'
import type { Settings } from '../../config/settings.ts'
import { openSimulating } from '../../main/simulate.ts'
import { requests, t0 } from './app.ts'
import { openSite, until } from './world.ts'

/** A service that was raised from 2 to 7 instances and lowered again, and what simulates along that. */
export async function openPast(t: ExecutionContext) {
  const site = await openSite(t)
  const { marathon, load, bus } = site
  const desk = await site.open({ policy: { stabilizationDownMs: 30_000 } })
  await load(20, 0)
  await load(100, 10)
  await until('raised', () => marathon.app.instances === 7)
  marathon.settle()
  await load(100, 60)
  await load(30, 110)
  await until('lowered', () => marathon.app.instances === 2)
  marathon.settle()
  await load(30, 200)
  const [status] = desk.current()
  await desk.close()
  const state = marathon.stateAt(t0)
  const simulate = openSimulating({
    bus,
    signals: { requests },
    settings: { autoscaling: { services: [] as unknown[] } } as Settings,
    services: { all: () => [state] } as never,
  })
  return { simulate, state, status }
}

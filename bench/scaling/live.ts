import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { wallClock } from '../../pipeline/clock.ts'
import type { ControlClient } from '../../playground/control-client.ts'
import { spawnPlayground } from '../../playground/spawn.ts'
import { runProgram } from '../program.ts'
import { collectorsOf, service, until } from './site.ts'

/** Load steps on the playground's real processes, each from its first request to the PATCH that Marathon was sent. */
export interface LiveScaling {
  /** Seconds, one a step. */
  toPatch: number[]
  /** Until there were enough healthy instances, s. */
  toEnough: number[]
  /** Instances wanted beyond those needed, the most of all steps. */
  overshoot: number
}

const [max, tolerance] = [8, 0.1]
export const [target, min] = [15, 2]
export const [base, top] = [26, 104]
export const windowSeconds = 10
/** Before that no algorithm can tell: the window's mean has to exceed what two instances may have, with the tolerance. */
export const floorSeconds = (windowSeconds * (min * target * (1 + tolerance) - base)) / (top - base)

/** Settings by which these services follow their requests, each second. */
export function scaledBy(services: readonly string[], stabilization: { down: string }) {
  const policy = { target: { requests: target }, min, max, stabilization }
  return {
    signals: {
      requests: {
        where: 'method:* AND status:*',
        measure: 'rate',
        over: `${windowSeconds}s`,
        by: ['service'],
      },
    },
    evaluation: { interval: '1s', resolution: '1s' },
    autoscaling: { interval: '1s', services: services.map((one) => ({ service: one, ...policy })) },
  }
}

export async function liveScaling(steps: number): Promise<LiveScaling> {
  const dir = mkdtempSync(join(tmpdir(), 'mesoscope-bench-'))
  await using stack = new AsyncDisposableStack()
  stack.defer(() => rmSync(dir, { recursive: true, force: true, maxRetries: 5 }))
  const playground = await spawnPlayground({ dir: join(dir, 'playground'), load: base })
  stack.defer(() => playground.close())
  const { client, addresses } = playground
  const program = await runProgram(dir, {
    collectors: {
      ...collectorsOf(addresses),
      metrics_interval: '1s',
    },
    ...scaledBy([service], { down: '5s' }),
  })
  stack.defer(() => program.stop())
  const result: LiveScaling = { toPatch: [], toEnough: [], overshoot: 0 }
  for (let step = 0; step < steps; step++)
    await oneStep(client, addresses.marathons[0] as string, result)
  return result
}

async function oneStep(
  client: ControlClient,
  marathon: string,
  result: LiveScaling,
): Promise<void> {
  await until(async () => {
    const app = await appOf(marathon)
    return app.instances === min && app.tasksHealthy === min && app.deployments.length === 0
  })
  // The base load fills the window, and the step meets the evaluation at any moment.
  await sleep(windowSeconds * 1000 + Math.random() * 2000)
  await client.apply({ name: 'load-step', amount: top, seconds: 60 })
  const { startedAt } = (await client.load()).plan
  const needed = Math.ceil(top / target)
  let patched: number | undefined
  let most = 0
  await until(async () => {
    const app = await appOf(marathon)
    most = Math.max(most, app.instances)
    patched ??= (await client.writes()).find(
      ({ method, at }) => method === 'PATCH' && at > startedAt,
    )?.at
    return app.tasksHealthy >= needed
  })
  result.toEnough.push((wallClock.now() - startedAt) / 1000)
  if (patched !== undefined) result.toPatch.push((patched - startedAt) / 1000)
  // What comes too many comes after there are enough.
  await sleep(5000)
  most = Math.max(most, (await appOf(marathon)).instances)
  result.overshoot = Math.max(result.overshoot, most - needed)
  await client.apply({ name: 'load-calm' })
}

interface App {
  instances: number
  tasksHealthy: number
  deployments: unknown[]
}

async function appOf(marathon: string): Promise<App> {
  const response = await fetch(`${marathon}/v2/apps${service}`)
  return ((await response.json()) as { app: App }).app
}

import type { Clock } from '../pipeline/clock.ts'
import { Trouble } from '../pipeline/errors.ts'
import type { Logger } from '../pipeline/log.ts'
import { keepProcess, type KeptProcess } from './keep-process.ts'
import type { LoadPlan } from './load-shape.ts'
import type { LoadSecond, Ready } from './orders.ts'
import type { Programs } from './programs.ts'

/** The load balancer and the visitors before the web instances: two processes, no tasks of the cluster. */
export interface Traffic {
  /** Address of the balancer; the same after a restart of it. */
  url: string
  /** The ports of the instances that are healthy. */
  targets(ports: number[]): void
  steer(plan: LoadPlan): void
  plan(): LoadPlan
  /** What became of the requests of the last hour, second by second, the oldest first. */
  ledger(): LoadSecond[]
  close(): Promise<void>
}

export interface TrafficOptions {
  programs: Programs
  /** Requests a second while nothing else was asked for. */
  base: number
  seed: string
  clock: Clock
  log: Logger
}

const keptSeconds = 3600

/** Resolves when the balancer listens. */
export async function openTraffic(options: TrafficOptions): Promise<Traffic> {
  const { base, seed, clock, log } = options
  const ledger: LoadSecond[] = []
  let ports: number[] = []
  let plan = steady(base, clock)
  let listening = 0
  let hasOpened = false
  const { promise: listens, resolve: nowListening } = Promise.withResolvers<number>()

  const balancer = keepProcess({
    name: 'the load balancer',
    argv: command(options.programs, 'balancer'),
    env: () => [`PORT0=${listening}`, `PLAYGROUND_SEED=${seed}`],
    onMessage(message) {
      const { port } = message as Ready
      if (port === undefined) return
      listening = port
      balancer.send({ kind: 'targets', ports })
      nowListening(port)
    },
    log,
  })
  await listens

  const visitors: KeptProcess = keepProcess({
    name: 'the load generator',
    argv: command(options.programs, 'load'),
    env: () => [`PLAYGROUND_SEED=${seed}`],
    onMessage(message) {
      const told = message as Ready | LoadSecond
      if (told.kind === 'ready') send()
      else keep(told)
    },
    log,
  })

  /** Nobody comes before the shop has opened. */
  function send(): void {
    if (hasOpened) visitors.send({ kind: 'load', port: listening, plan })
  }

  function keep(second: LoadSecond): void {
    ledger.push(second)
    if (ledger.length > keptSeconds) ledger.shift()
  }

  return {
    url: `http://127.0.0.1:${listening}`,
    targets(now) {
      ports = now
      balancer.send({ kind: 'targets', ports })
      if (hasOpened || ports.length === 0) return
      hasOpened = true
      send()
    },
    steer(next) {
      plan = next
      send()
    },
    plan: () => plan,
    ledger: () => [...ledger],
    async close() {
      await visitors.close()
      await balancer.close()
    },
  }
}

export function steady(base: number, clock: Clock): LoadPlan {
  return { shape: 'steady', base, amount: base, period: 0, startedAt: clock.now() }
}

function command(programs: Programs, name: string) {
  const argv = programs(name)
  if (!argv) throw new Trouble(`the playground has no program ${name}`)
  return argv
}

import { wallClock } from '../../pipeline/clock.ts'
import { seededChance } from '../chance.ts'
import type { ActedFault, Order, Ready } from '../orders.ts'

/** What every sample service needs: orders, seeded chance, and a line of JSON on stdout. */

/** With the amount that was given. */
const acting = new Map<ActedFault, number | undefined>()

/** Takes orders, and ends with the playground: its death closes the channel. */
export function takeOrders(obey: (order: Order) => void = () => {}): void {
  process.on('disconnect', () => process.exit(0))
  process.on('message', (order: Order) => {
    if (order.kind === 'fault') {
      if (order.on) acting.set(order.fault, order.amount)
      else acting.delete(order.fault)
      if (order.fault === 'oom' && order.on) eatMemory()
    }
    obey(order)
  })
}

export function isActing(fault: ActedFault): boolean {
  return acting.has(fault)
}

/** Whether this one is to fail, while the service acts `errors` out: nine of ten unless another percentage was given. */
export function failsNow(): boolean {
  return isActing('errors') && chance() * 100 < (acting.get('errors') ?? 90)
}

export function announce(port?: number): void {
  const ready: Ready = port === undefined ? { kind: 'ready' } : { kind: 'ready', port }
  process.send?.(ready)
}

export function nowMs(): number {
  return wallClock.now()
}

export function nowIso(): string {
  return new Date(nowMs()).toISOString()
}

/** One line of JSON on stdout. */
export function say(level: string, msg: string, fields: Record<string, unknown> = {}): void {
  print(JSON.stringify({ time: nowIso(), level, msg, ...fields }))
}

export function print(line: string): void {
  if (!isActing('silence')) process.stdout.write(`${line}\n`)
}

/** To stderr. */
export function complain(text: string): void {
  if (!isActing('silence')) process.stderr.write(`${text}\n`)
}

/** The next number in [0, 1) of the sequence that `PLAYGROUND_SEED` fixes. */
export const chance = seededChance(process.env['PLAYGROUND_SEED'] ?? '')

export function pick<T>(choices: readonly [T, ...T[]]): T {
  return choices[Math.floor(chance() * choices.length)] ?? choices[0]
}

/** A whole number in [from, to]. */
export function between(from: number, to: number): number {
  return from + Math.floor(chance() * (to - from + 1))
}

/** Costs about that much CPU time, whatever else the machine does. */
export function work(cpuMs: number): void {
  const begun = process.cpuUsage()
  let sum = 0
  for (;;) {
    for (let n = 0; n < 20_000; n++) sum = (Math.imul(sum, 31) + n) | 0
    const { user, system } = process.cpuUsage(begun)
    if (user + system >= cpuMs * 1000) return
  }
}

const bite = 2 * 1024 * 1024
const eaten: Buffer[] = []

/** Forgets nothing any more, as programs do that leak, but within seconds: enough of them to see it rise. */
function eatMemory(): void {
  say('warn', 'cache grows without bounds', { entries: eaten.length })
  setInterval(() => eaten.push(Buffer.alloc(bite, eaten.length + 1)), 100)
}

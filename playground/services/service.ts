import { wallClock } from '../../pipeline/clock.ts'
import { seededChance } from '../chance.ts'
import type { ActedFault, Order, Ready } from '../orders.ts'

/** What every sample service needs: orders, seeded chance, and a line of JSON on stdout. */

const acting = new Set<ActedFault>()

/** Takes orders, and ends with the playground: its death closes the channel. */
export function takeOrders(obey: (order: Order) => void = () => {}): void {
  process.on('disconnect', () => process.exit(0))
  process.on('message', (order: Order) => {
    if (order.kind === 'fault') acting[order.on ? 'add' : 'delete'](order.fault)
    obey(order)
  })
}

export function isActing(fault: ActedFault): boolean {
  return acting.has(fault)
}

export function announce(port?: number): void {
  const ready: Ready = port === undefined ? { kind: 'ready' } : { kind: 'ready', port }
  process.send?.(ready)
}

export function nowIso(): string {
  return new Date(wallClock.now()).toISOString()
}

/** One line of JSON on stdout. */
export function say(level: string, msg: string, fields: Record<string, unknown> = {}): void {
  print(JSON.stringify({ time: nowIso(), level, msg, ...fields }))
}

export function print(line: string): void {
  process.stdout.write(`${line}\n`)
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

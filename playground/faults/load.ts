import type { LoadShape } from '../load-shape.ts'
import { steady } from '../traffic.ts'
import type { FaultKind } from './kind.ts'

function load(shape: LoadShape, usual: number, lasting: number, description: string): FaultKind {
  return {
    description,
    amount: { of: 'requests a second', usual, min: 1, max: 400 },
    seconds: lasting,
    slot: 'load',
    async begin({ traffic, clock }, { amount, seconds }) {
      const { base } = traffic.plan()
      const period = shape === 'ramp' ? seconds / 2 : seconds
      traffic.steer({ shape, base, amount, period, startedAt: clock.now() })
      return async () => traffic.steer(steady(base, clock))
    },
  }
}

/** How many visitors come. */
export const loadFaults = {
  'load-step': load(
    'step',
    75,
    60,
    'Visitors of /shop/web are suddenly many, and after that time few again.',
  ),
  'load-ramp': load(
    'ramp',
    75,
    120,
    'Visitors become more and more for half of that time, stay for the other half, then few again.',
  ),
  'load-sine': load(
    'sine',
    75,
    120,
    'Visitors become many and few again, like day and night, once in that time.',
  ),
  'load-spike': load(
    'spike',
    120,
    100,
    'Very many visitors come at once, for a tenth of that time.',
  ),
} satisfies Record<string, FaultKind>

import { simulatePast, type PastQuestion } from '../../autoscaling/past.ts'
import type { Bus } from '../../pipeline/bus/bus.ts'
import type { SimulationAnswer } from '../../pipeline/simulation.ts'
import { minute, service, t0 } from './app.ts'

/** Everything from the beginning of a site, unless said otherwise. */
export async function simulated(
  bus: Bus,
  more: Partial<PastQuestion> = {},
): Promise<SimulationAnswer> {
  const question = { service, from: t0, to: t0 + 48 * 60 * minute, capacity: {}, ...more }
  let last: SimulationAnswer | undefined
  for await (const line of simulatePast(bus, question)) if ('answer' in line) last = line.answer
  if (!last) throw new Error('no answer')
  return last
}

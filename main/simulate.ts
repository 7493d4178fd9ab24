import { simulatePast } from '../autoscaling/past.ts'
import { faultsOf } from '../autoscaling/policy-faults.ts'
import type { ScalingPolicy } from '../autoscaling/policy.ts'
import { declaredPolicy } from '../config/declared-policy.ts'
import { readPolicy } from '../config/load.ts'
import { Trouble } from '../pipeline/errors.ts'
import { matchService } from '../pipeline/identity.ts'
import type { SimulationLine, SimulationQuestion } from '../pipeline/simulation.ts'
import type { Base } from './base.ts'
import { oneAtATime } from './one-at-a-time.ts'

type Simulating = Pick<Base, 'bus' | 'services' | 'settings' | 'signals'>

/** Answers what scaling policies have decided, or what another one would have, from what the bus still has. */
export function openSimulating(base: Simulating) {
  return oneAtATime('simulation', (question: SimulationQuestion): AsyncGenerator<SimulationLine> =>
    simulate(base, question),
  )
}

async function* simulate(
  base: Simulating,
  question: SimulationQuestion,
): AsyncGenerator<SimulationLine> {
  const { from, to, startMs, capacity = {} } = question
  const service = serviceOf(base, question)
  const policy = question.policy && otherPolicy(base, question.policy, service)
  yield* simulatePast(base.bus, { service, from, to, startMs, capacity, policy })
}

function serviceOf({ services, settings }: Simulating, { service }: SimulationQuestion): string {
  const known = new Set([
    ...services.all().map((state) => state.service),
    ...settings.autoscaling.services.map((policy) => policy.service),
  ])
  const [found, ...others] = matchService(service, [...known])
  if (found === undefined) {
    // What is gone may have been scaled then.
    if (service.startsWith('/')) return service
    throw new Trouble(`there is no service "${service}"`, {
      remedy: `give the id in full of one that is gone; there are ${listed(known)}`,
    })
  }
  if (others.length === 0) return found
  throw new Trouble(`"${service}" can mean ${others.length + 1} services`, {
    remedy: `give one of them in full: ${listed([found, ...others])}`,
  })
}

const listed = (services: Iterable<string>) => [...services].toSorted().slice(0, 20).join(', ')

function otherPolicy(
  { signals }: Simulating,
  { text, file }: NonNullable<SimulationQuestion['policy']>,
  service: string,
): ScalingPolicy {
  const policy: ScalingPolicy = {
    ...declaredPolicy(readPolicy(text, file, service)),
    source: 'config',
  }
  const faults = faultsOf(policy, signals)
  if (policy.service !== service) faults.push(`it is for ${policy.service}, not for ${service}`)
  if (faults.length === 0) return policy
  throw new Trouble(faults.map((fault) => `${file}: ${fault}`).join('\n'), {
    remedy: 'correct the policy',
  })
}

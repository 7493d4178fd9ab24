import type { ScalingStatus } from '../pipeline/decision.ts'
import { openController, type ControllerOptions } from './controller.ts'
import type { Ledger } from './ledger.ts'
import { shownPolicy, type Policies, type PolicyFault } from './policy.ts'
import type { Backoff } from './memory.ts'
import { tellStandings } from './standings.ts'

export { openScalingDesk } from './desk.ts'
export { viewScaling } from './standings.ts'

export interface AutoscalingOptions extends ControllerOptions {
  /** Also write so often how services stand, for processes that only show it, ms. */
  tellEveryMs?: number
}

export interface Autoscaling {
  /** Each service with a policy, by name. */
  current(): ScalingStatus[]
  trouble(): string | undefined
  /** The last evaluation time, ms. */
  through(): number | undefined
  /** Waits for changes that are under way. */
  close(): Promise<void>
}

/** Follows the load of services with a policy by changing their instances in Marathon. */
export async function openAutoscaling(options: AutoscalingOptions): Promise<Autoscaling> {
  const controller = await openController(options)
  const { ledger, policies } = controller
  const current = () => statuses(policies(), ledger)
  const { tellEveryMs, bus, log } = options
  const telling =
    tellEveryMs === undefined
      ? undefined
      : tellStandings({ bus, current, everyMs: tellEveryMs, log })
  return {
    current,
    trouble: () =>
      controller.trouble() ?? refusedTrouble(policies(), ledger) ?? policyTrouble(policies()),
    through: controller.through,
    async close() {
      await telling?.close()
      await controller.close()
    },
  }
}

function statuses({ policies, faulty }: Policies, ledger: Ledger): ScalingStatus[] {
  const services = [...policies.keys(), ...faulty.keys()].toSorted()
  return services.map((service) => {
    const last = ledger.latest(service)
    const { lastChange, backoff } = ledger.memoryOf(service)
    const policy = policies.get(service)
    const notBeforeMs = last?.next?.[0]?.atMs
    const trouble = troubleOf(faulty.get(service), backoff)
    return {
      service,
      ...(policy ? { policy: shownPolicy(policy) } : {}),
      ...(last ? { last } : {}),
      ...(lastChange ? { lastChange } : {}),
      ...(notBeforeMs === undefined ? {} : { notBeforeMs }),
      ...(trouble === undefined ? {} : { trouble }),
    }
  })
}

/** A single failure happens: a deployment was quicker. Several in a row are trouble. */
const manyFailures = 3

function troubleOf(fault: PolicyFault | undefined, backoff: Backoff | undefined) {
  if (fault) return faultSentence(fault)
  if (!backoff || backoff.failures < manyFailures) return undefined
  return `it could not be scaled ${backoff.failures} times: ${backoff.because}`
}

function refusedTrouble({ policies }: Policies, ledger: Ledger): string | undefined {
  for (const service of policies.keys()) {
    const trouble = troubleOf(undefined, ledger.memoryOf(service).backoff)
    if (trouble !== undefined) return `${service}: ${trouble}`
  }
  return undefined
}

function policyTrouble({ faulty, remarks }: Policies): string | undefined {
  const faults = [...faulty.values()].map((fault) => `${fault.service}: ${faultSentence(fault)}`)
  const [first, ...more] = [...faults, ...remarks]
  if (first === undefined) return undefined
  return more.length > 0 ? `${first}; and ${more.length} more` : first
}

function faultSentence({ faults, source }: PolicyFault): string {
  const where = source === 'config' ? 'in the settings' : 'on the app'
  return `it is not scaled, its policy has a fault: ${faults.join('; ')}: correct it ${where}`
}

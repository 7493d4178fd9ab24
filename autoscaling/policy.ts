import type { DecisionPolicy } from '../pipeline/decision.ts'
import type { ServiceState } from '../pipeline/service-state.ts'
import type { SignalDeclarations } from '../pipeline/signals.ts'
import { readLabels } from './labels.ts'
import { faultsOf } from './policy-faults.ts'

/** How one service is to be scaled. */
export interface ScalingPolicy extends DecisionPolicy {
  service: string
  /** Also scale it if it keeps volumes. */
  resident: boolean
  /** So long what somebody sets by hand is left as it is; 0: not at all. */
  overrideMs: number
}

/** A policy as it stands in the settings, or on the app. */
export type PolicyDeclaration = Omit<ScalingPolicy, 'source'>

/** As decisions and the status of a service show it. */
export function shownPolicy({
  service: _service,
  resident: _resident,
  overrideMs: _override,
  ...shown
}: ScalingPolicy): DecisionPolicy {
  return shown
}

export interface PolicyFault {
  service: string
  source: DecisionPolicy['source']
  /** Each names the setting or label, its value, and what is expected. */
  faults: string[]
}

export interface Policies {
  /** By service. */
  policies: Map<string, ScalingPolicy>
  /** Services that ask to be scaled in a way that is not understood: these are left alone. */
  faulty: Map<string, PolicyFault>
  /** What stands on apps and changes nothing, a sentence each. */
  remarks: string[]
}

export interface PolicySources {
  /** Of the settings; they win over what stands on the app. */
  declared: readonly PolicyDeclaration[]
  services: readonly ServiceState[]
  /** Whether apps may ask for it by their labels or environment. */
  labels: boolean
  signals: SignalDeclarations
  /** Only tell, for all. */
  dryRun: boolean
}

/** The policy of every service that has one. */
export function policiesOf(sources: PolicySources): Policies {
  return openPolicies(sources)(sources.services)
}

/** {@link policiesOf} at one time after the other: what an app asks for is read once for each of its states. */
export function openPolicies({
  declared,
  labels,
  signals,
  dryRun,
}: Omit<PolicySources, 'services'>) {
  const known = new WeakMap<ServiceState, AppPolicy>()
  const named = new Map(declared.map((one) => [one.service, checked(one, 'config')]))

  function checked(declaration: PolicyDeclaration, source: DecisionPolicy['source']): AppPolicy {
    const faults = faultsOf(declaration, signals)
    const { service } = declaration
    if (faults.length > 0) return { fault: { service, source, faults }, remarks: [] }
    const policy = { ...declaration, source, dryRun: declaration.dryRun || dryRun }
    return { policy, remarks: [] }
  }

  function ofApp(state: ServiceState): AppPolicy {
    const { service } = state
    const { declaration, faults, remarks: said } = readLabels(state, signals)
    const remarks = said.map((remark) => `${service}: ${remark}`)
    if (faults.length > 0) return { fault: { service, source: 'labels', faults }, remarks }
    return { ...(declaration ? checked(declaration, 'labels') : {}), remarks }
  }

  return (services: readonly ServiceState[]): Policies => {
    const found: Policies = { policies: new Map(), faulty: new Map(), remarks: [] }
    const add = (service: string, { policy, fault, remarks }: AppPolicy) => {
      if (policy) found.policies.set(service, policy)
      if (fault) found.faulty.set(service, fault)
      found.remarks.push(...remarks)
    }
    for (const [service, one] of named) add(service, one)
    for (const state of labels ? services : []) {
      if (named.has(state.service)) continue
      const read = known.get(state) ?? ofApp(state)
      known.set(state, read)
      add(state.service, read)
    }
    return found
  }
}

interface AppPolicy {
  policy?: ScalingPolicy
  fault?: PolicyFault
  remarks: string[]
}

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
export function policiesOf({ declared, services, labels, signals, dryRun }: PolicySources) {
  const found: Policies = { policies: new Map(), faulty: new Map(), remarks: [] }
  const add = (declaration: PolicyDeclaration, source: DecisionPolicy['source']) => {
    const { service } = declaration
    const faults = faultsOf(declaration, signals)
    if (faults.length > 0) found.faulty.set(service, { service, source, faults })
    else {
      const policy = { ...declaration, source, dryRun: declaration.dryRun || dryRun }
      found.policies.set(service, policy)
    }
  }
  for (const declaration of declared) add(declaration, 'config')
  const named = new Set(declared.map(({ service }) => service))
  for (const state of labels ? services : []) {
    const { service } = state
    if (named.has(service)) continue
    const read = readLabels(state)
    found.remarks.push(...read.remarks.map((remark) => `${service}: ${remark}`))
    if (read.faults.length > 0) {
      found.faulty.set(service, { service, source: 'labels', faults: read.faults })
    } else if (read.declaration) add(read.declaration, 'labels')
  }
  return found
}

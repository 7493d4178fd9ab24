import { resetDelay } from './back-off.ts'
import { isDone, retire, schedule } from './instances.ts'
import {
  isChecked,
  isReady,
  isTerminal,
  type Action,
  type ActionRun,
  type Instance,
  type RunSpec,
} from './model.ts'
import { instancesOf, type State } from './state.ts'

/** How far a restart may go below and above the wanted count. */
export interface RestartStrategy {
  killAtOnce: number
  maxCapacity: number
}

/**
 * `minimumHealthCapacity` of the wanted count stay healthy; `maximumOverCapacity` more than it may be there. Where that leaves
 * no room at all, one more is allowed, or one less of a resident app, whose volumes are not there twice.
 */
export function restartStrategy(spec: RunSpec, current: readonly Instance[]): RestartStrategy {
  const { minimumHealthCapacity, maximumOverCapacity } = spec.upgrade
  const healthy = current.filter((one) => one.goal === 'Running' && isConsideredHealthy(one)).length
  const minHealthy = Math.ceil(round(spec.instances * minimumHealthCapacity))
  let maxCapacity = Math.floor(round(spec.instances * (1 + maximumOverCapacity)))
  let killAtOnce = Math.max(0, healthy - minHealthy)
  if (minHealthy === maxCapacity && maxCapacity <= healthy) {
    if (spec.volumes.length > 0) killAtOnce = healthy - minHealthy + 1
    else maxCapacity += 1
  }
  const running = current.filter(({ goal }) => goal === 'Running').length
  if (spec.instances < running) killAtOnce = Math.max(running - spec.instances, killAtOnce)
  return { killAtOnce, maxCapacity }
}

/** 3 × 0.1 is a little more than 0.3. */
function round(value: number): number {
  return Number(value.toFixed(9))
}

function isConsideredHealthy(instance: Instance): boolean {
  if (isTerminal(instance) || instance.condition === 'Scheduled') return false
  return !isChecked(instance.spec) || instance.healthy === true
}

/** Replaces the instances of other versions, as many at a time as the strategy allows. */
export function startRestart(state: State, action: Action): ActionRun {
  const { spec } = action
  if (spec.instances === 0) return { action, advance: () => true }
  const { killAtOnce, maxCapacity } = restartStrategy(spec, instancesOf(state, spec.id))
  const toKill = oldOnes(state, spec)
    .filter(({ goal }) => goal === 'Running')
    // Those that are not healthy go first.
    .toSorted((a, b) => Number(isConsideredHealthy(a)) - Number(isConsideredHealthy(b)))
  const counted = new Set<string>()
  for (let n = 0; n < killAtOnce; n++) killNext()
  resetDelay(state, spec)

  function killNext(): void {
    const next = toKill.shift()
    if (next && state.instances.get(next.id) === next) retire(state, next)
  }

  /** Who died by itself is not launched in its old version again. */
  function retireDead(): void {
    for (const old of oldOnes(state, spec)) {
      const lost = isTerminal(old) || old.condition === 'UnreachableInactive'
      if (old.goal === 'Running' && lost) retire(state, old)
    }
  }

  function launch(): void {
    const old = oldOnes(state, spec).filter((one) => !isDone(one)).length
    const started = newOnes(state, spec).length
    const room = Math.max(0, maxCapacity - old - started)
    const missing = Math.max(0, spec.instances - started)
    if (Math.min(room, missing) > 0) schedule(state, spec, Math.min(room, missing))
  }

  function advance(): boolean {
    retireDead()
    const ready = newOnes(state, spec).filter(isReady)
    for (const { id } of ready) {
      // Each new one costs one old one, once.
      if (counted.has(id)) continue
      counted.add(id)
      killNext()
    }
    launch()
    const oldLeft = oldOnes(state, spec).some((one) => !isDone(one))
    return !oldLeft && ready.length >= spec.instances
  }

  return { action, advance }
}

function newOnes(state: State, spec: RunSpec): Instance[] {
  return instancesOf(state, spec.id).filter(
    (one) => one.goal === 'Running' && one.spec.version === spec.version,
  )
}

function oldOnes(state: State, spec: RunSpec): Instance[] {
  return instancesOf(state, spec.id).filter((one) => one.spec.version !== spec.version)
}

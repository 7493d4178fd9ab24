import { resetDelay } from './back-off.ts'
import { events } from './events.ts'
import { isDone, retire, schedule, setGoal } from './instances.ts'
import { proposeScaling } from './kill-selection.ts'
import {
  isActive,
  isReady,
  isScheduled,
  isTerminal,
  type Action,
  type ActionRun,
  type Instance,
} from './model.ts'
import { startRestart } from './restart-action.ts'
import { instancesOf, type State } from './state.ts'

/** Begins an action; it goes on each time it is advanced. */
export function startAction(state: State, action: Action): ActionRun {
  state.checker.add(state, action.spec)
  switch (action.name) {
    case 'StartApplication':
      // There for compatibility alone: it starts no instance.
      return { action, advance: () => true }
    case 'ScaleApplication':
      return startScale(state, action)
    case 'RestartApplication':
      return startRestart(state, action)
    case 'StopApplication':
      return startStop(state, action)
  }
}

const firstSyncAfterMs = 1000
const syncEveryMs = 5000

/** First what is too many is killed, then what is missing is started; over when all of that is healthy. */
function startScale(state: State, action: Action): ActionRun {
  const { spec, toKill } = action
  const killed = proposeScaling(instancesOf(state, spec.id), spec, spec.instances, toKill).toKill
  for (const instance of killed) retire(state, instance)
  let started: number | undefined
  let syncAt = 0

  function start(): number {
    const missing = missingOf(state, action)
    if (missing > 0) schedule(state, spec, missing)
    syncAt = state.clock.now() + firstSyncAfterMs
    return missing
  }

  /** What was killed out of band meanwhile is asked for again. */
  function sync(): void {
    if (state.clock.now() < syncAt) return
    syncAt = state.clock.now() + syncEveryMs
    const missing = missingOf(state, action)
    if (missing > 0) schedule(state, spec, missing)
  }

  function advance(): boolean {
    if (killed.some((instance) => !isGone(state, instance))) return false
    started ??= start()
    sync()
    const ready = instancesOf(state, spec.id).filter(
      (one) => one.goal === 'Running' && one.spec.version === spec.version && isReady(one),
    )
    return ready.length >= started
  }

  return { action, advance }
}

function missingOf(state: State, { spec }: Action): number {
  const there = instancesOf(state, spec.id).filter((one) => isActive(one) || isScheduled(one))
  const counted = there.filter(({ goal }) => goal === 'Running')
  return Math.max(0, spec.instances - counted.length)
}

/** Gone from the list, or stopped with its volume. */
function isGone(state: State, instance: Instance): boolean {
  if (state.instances.get(instance.id) !== instance) return true
  return instance.goal === 'Stopped' && isTerminal(instance)
}

/** Kills everything, volumes too. */
function startStop(state: State, action: Action): ActionRun {
  const { spec } = action
  state.checker.removeAll(state, spec.id)
  for (const instance of instancesOf(state, spec.id)) setGoal(state, instance, 'Decommissioned')

  function advance(): boolean {
    const left = instancesOf(state, spec.id)
    for (const instance of left) if (isDone(instance)) state.instances.delete(instance.id)
    if (instancesOf(state, spec.id).length > 0) return false
    resetDelay(state, spec)
    state.events.publish(events.appTerminated(state.clock.now(), spec.id))
    return true
  }

  return { action, advance }
}

import { events } from './events.ts'
import { kill, setHealth } from './instances.ts'
import type { Instance, RunSpec, SpecHealthCheck } from './model.ts'
import type { Probe, ProbeResult } from './probe.ts'
import type { State } from './state.ts'

/** What one check of one instance has found so far. Times in ms. */
export interface Health {
  firstSuccess: number | undefined
  lastSuccess: number | undefined
  lastFailure: number | undefined
  lastFailureCause: string | undefined
  consecutiveFailures: number
}

/** The health checks that the leader makes; what they found is not kept for the next leader. */
export interface HealthChecker {
  /** Starts the checks of this version of an app, if they are not yet. */
  add(state: State, spec: RunSpec): void
  removeAll(state: State, specId: string): void
  /** Starts the probes that are due; their results arrive later. */
  probeDue(state: State): void
  /** One for each check that has said something about the instance. */
  resultsOf(instance: Instance): Health[]
  forget(instanceId: string): void
  /** Another leader knows nothing yet. */
  forgetAll(): void
}

/** The first one comes after 5 s at the latest. */
const firstAfterMs = 5000

interface Check {
  spec: RunSpec
  check: SpecHealthCheck
  nextAt: number
  health: Map<string, Health>
  /** Instances that are being asked. */
  asking: Set<string>
}

/** `changed` is told after each result that arrived. */
export function openHealthChecker(probe: Probe, changed: () => void): HealthChecker {
  const checks = new Map<string, Check[]>()

  function add(state: State, spec: RunSpec): void {
    if (checks.has(keyOf(spec)) || spec.healthChecks.length === 0) return
    const now = state.clock.now()
    const added = spec.healthChecks.map((check): Check => {
      const wait = Math.min(check.intervalSeconds * 1000, firstAfterMs)
      return { spec, check, nextAt: now + wait, health: new Map(), asking: new Set() }
    })
    checks.set(keyOf(spec), added)
    for (const check of spec.healthChecks) {
      state.events.publish(events.addHealthCheck(now, spec, check))
    }
  }

  function removeAll(state: State, specId: string): void {
    for (const [key, [first]] of checks) if (first?.spec.id === specId) remove(state, key)
  }

  function remove(state: State, key: string): void {
    const now = state.clock.now()
    for (const { spec } of checks.get(key) ?? []) {
      state.events.publish(events.removeHealthCheck(now, spec.id))
    }
    checks.delete(key)
  }

  function probeDue(state: State): void {
    const now = state.clock.now()
    const instances = [...state.instances.values()]
    for (const instance of instances) add(state, instance.spec)
    for (const [key, list] of checks) {
      const mine = instances.filter(({ spec }) => keyOf(spec) === key)
      const [first] = list
      if (mine.length === 0 && first && isOutdated(state, first.spec)) remove(state, key)
      for (const check of list) {
        if (check.nextAt > now) continue
        check.nextAt = Math.max(check.nextAt + check.check.intervalSeconds * 1000, now + 1)
        for (const instance of mine) ask(state, check, instance)
      }
    }
  }

  function ask(state: State, check: Check, instance: Instance): void {
    if (instance.condition !== 'Running' || check.asking.has(instance.id)) return
    check.asking.add(instance.id)
    const [task] = instance.tasks
    const { protocol, path, timeoutSeconds, port, portIndex } = check.check
    void probe({
      protocol,
      path,
      port: port ?? task?.ports[portIndex] ?? 0,
      timeoutMs: timeoutSeconds * 1000,
    }).then((result) => {
      check.asking.delete(instance.id)
      // It may have ended, or begun anew, while it was asked.
      if (state.instances.get(instance.id) !== instance || instance.tasks[0] !== task) return
      take(state, check, instance, result)
      changed()
    })
  }

  function resultsOf({ id, spec }: Instance): Health[] {
    const list = checks.get(keyOf(spec)) ?? []
    return list.flatMap(({ health }) => health.get(id) ?? [])
  }

  function take(state: State, check: Check, instance: Instance, result: ProbeResult): void {
    if (instance.condition !== 'Running') return
    const before = check.health.get(instance.id) ?? unknown
    const after = judge(state, check, instance, before, result)
    check.health.set(instance.id, after)
    const now = state.clock.now()
    if (isAlive(before) !== isAlive(after)) {
      state.events.publish(events.healthStatusChanged(now, instance, isAlive(after)))
    }
    const results = resultsOf(instance)
    const complete = results.length === instance.spec.healthChecks.length
    if (complete) setHealth(state, instance, results.every(isAlive))
    else if (!results.every(isAlive)) setHealth(state, instance, undefined)
  }

  return {
    add,
    removeAll,
    probeDue,
    resultsOf,
    forget(instanceId) {
      for (const list of checks.values()) for (const { health } of list) health.delete(instanceId)
    },
    forgetAll: () => checks.clear(),
  }
}

const unknown: Health = {
  firstSuccess: undefined,
  lastSuccess: undefined,
  lastFailure: undefined,
  lastFailureCause: undefined,
  consecutiveFailures: 0,
}

function keyOf({ id, version }: RunSpec): string {
  return `${id} ${version}`
}

function isOutdated({ root }: State, { id, version }: RunSpec): boolean {
  return root.specs.get(id)?.version !== version
}

export function isAlive({ lastSuccess, lastFailure }: Health): boolean {
  if (lastSuccess === undefined) return false
  return lastFailure === undefined || lastSuccess > lastFailure
}

/** A failure does not count while the grace lasts and nothing has succeeded; too many in a row, and it is killed. */
function judge(
  state: State,
  { check }: Check,
  instance: Instance,
  health: Health,
  result: ProbeResult,
): Health {
  const now = state.clock.now()
  if (result === 'healthy') {
    const firstSuccess = health.firstSuccess ?? now
    return { ...health, firstSuccess, lastSuccess: now, consecutiveFailures: 0 }
  }
  const inGrace = instance.since + check.gracePeriodSeconds * 1000 > now
  if (health.firstSuccess === undefined && inGrace) return health
  state.events.publish(events.failedHealthCheck(now, instance, check))
  killIfTooMany(state, check, instance, health)
  return {
    ...health,
    lastFailure: now,
    lastFailureCause: result.cause,
    consecutiveFailures: health.consecutiveFailures + 1,
  }
}

/** Marathon looks at what was before this failure: the one after the last allowed kills. */
function killIfTooMany(
  state: State,
  { maxConsecutiveFailures }: SpecHealthCheck,
  instance: Instance,
  { consecutiveFailures, lastFailureCause }: Health,
): void {
  const [task] = instance.tasks
  if (maxConsecutiveFailures === 0 || consecutiveFailures < maxConsecutiveFailures || !task) return
  const reason = lastFailureCause ?? 'unknown'
  const now = state.clock.now()
  state.events.publish(events.unhealthyKill(now, instance, task, reason))
  // Marathon counts it as the app's last failure.
  state.failures.set(instance.spec.id, {
    appId: instance.spec.id,
    host: instance.agent?.hostname ?? 'unknown',
    message: `Task was killed since health check failed. Reason: ${reason}`,
    state: 'TASK_KILLED',
    taskId: task.id,
    at: now,
    version: instance.spec.version,
    slaveId: instance.agent?.id,
  })
  kill(state, instance)
}

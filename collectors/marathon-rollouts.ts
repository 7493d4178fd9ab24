import type { ChangeDoc } from '../pipeline/event.ts'
import type { Identity } from '../pipeline/identity.ts'
import { deploymentChanges, type DeploymentNews } from './marathon-changes.ts'
import type { DeploymentAction, MarathonDeployment } from './marathon-deployments.ts'
import type { DeploymentEvent } from './marathon-event.ts'
import type { MarathonMemory, ToldDeployment } from './marathon-memory.ts'
import type { MarathonTask } from './marathon-tasks.ts'

export interface RolloutsOptions {
  memory: MarathonMemory
  /** Without a step's progress for so long it is told to be stuck, ms. */
  stuckAfterMs: number
  identityOf(service: string): Identity
  /** Whether a service stands as the deployment wanted it, by the last answer. */
  isDone(service: string, told: ToldDeployment): boolean
}

export interface Rollouts {
  event(event: DeploymentEvent, nowMs: number): ChangeDoc[]
  /** Those under way, from an answer that was asked for at `startMs`. `hearsEvents`: an event may tell of an end first. */
  poll(listed: readonly MarathonDeployment[], at: PollTime): ChangeDoc[]
  /** The deployment that started a task, as far as it is known. */
  startedBy(service: string, task: Pick<MarathonTask, 'version' | 'stagedMs'>): string | undefined
}

export interface PollTime {
  startMs: number
  nowMs: number
  hearsEvents: boolean
}

/** An event that tells of an end comes within this time after an answer lacked the deployment, or not at all. */
const patienceMs = 1_000

/** Follows deployments through events that get lost, come twice or late, and answers that were under way meanwhile. */
export function openRollouts(options: RolloutsOptions): Rollouts {
  const { memory, stuckAfterMs, identityOf, isDone } = options
  /** When each was mentioned last, by our clock: an answer that was asked for before knows less. */
  const heard = new Map<string, number>()
  let byService: Map<string, [id: string, told: ToldDeployment][]> | undefined

  function remember(id: string, told: ToldDeployment): void {
    memory.setDeployment(id, told)
    byService = undefined
  }

  function tell(news: DeploymentNews, told: ToldDeployment, services = told.affected): ChangeDoc[] {
    return deploymentChanges(news, told, services, identityOf)
  }

  /** A plan that is under way. */
  function see(plan: MarathonDeployment, timeMs: number): ChangeDoc[] {
    const { id } = plan
    const told = memory.deployments.get(id)
    if (!told) return begin(plan, timeMs)
    // What tells of it now was sent before its end.
    if (told.end?.sure) return []
    const { leftMs, end: concluded, ...before } = told
    const isMore = plan.affected.some((service) => !told.affected.includes(service))
    // The answer that lacked it was wrong.
    if (leftMs !== undefined || concluded || isMore) {
      remember(id, { ...before, affected: isMore ? plan.affected : told.affected })
    }
    const step = stepOf(plan, told.step)
    return step > told.step ? goOn(plan, step, timeMs) : []
  }

  function begin(plan: MarathonDeployment, timeMs: number): ChangeDoc[] {
    const { id, version, affected, total, steps } = plan
    const sinceMs = plan.sinceMs ?? timeMs
    const step = stepOf(plan, 1)
    const told: ToldDeployment = {
      ...(version === undefined ? {} : { version }),
      sinceMs,
      affected,
      stopped: steps.flat().flatMap(({ action, service }) => (isStop(action) ? [service] : [])),
      ...(scalesOnly(steps.flat()) ? { scalesOnly: true } : {}),
      total,
      step,
      // Of a later step nobody knows when it was begun.
      stepMs: step > 1 ? timeMs : sinceMs,
    }
    remember(id, told)
    const says = `started, ${total} ${total === 1 ? 'step' : 'steps'}`
    return tell({ id, action: 'started', timeMs: sinceMs, says }, told)
  }

  function goOn(plan: MarathonDeployment, step: number, timeMs: number): ChangeDoc[] {
    const { id, current } = plan
    const told = { ...(memory.deployments.get(id) as ToldDeployment), step, stepMs: timeMs }
    remember(id, told)
    const says = `is at step ${step} of ${told.total}${actionsOf(current)}`
    return tell({ id, action: 'step', timeMs, says }, told, servicesOf(current))
  }

  function end(
    id: string,
    action: 'succeeded' | 'failed' | 'ended',
    timeMs: number,
    by: 'event' | 'answer',
    plan?: MarathonDeployment,
  ): ChangeDoc[] {
    const known = memory.deployments.get(id) ?? unknown(plan, timeMs)
    const sure = by === 'event'
    if (known.end?.sure) return []
    if (known.end?.action === action) {
      remember(id, { ...known, end: { ...known.end, sure } })
      return []
    }
    // Told again, it replaces what was concluded: with the same time it stands at the same place.
    const ms = known.end?.ms ?? timeMs
    const told = { ...known, end: { action, ms, sure } }
    remember(id, told)
    const seconds = Math.max(0, Math.round((ms - told.sinceMs) / 1000))
    const says =
      action === 'ended'
        ? `is over after ${seconds} s; nobody told whether it succeeded`
        : `${action} after ${seconds} s`
    return tell({ id, action, timeMs: ms, says }, told)
  }

  function conclude(id: string, told: ToldDeployment, nowMs: number): ChangeDoc[] {
    const isWanted =
      told.affected.length > 0 && told.affected.every((service) => isDone(service, told))
    return end(id, isWanted ? 'succeeded' : 'ended', told.leftMs ?? nowMs, 'answer')
  }

  function left({ startMs, nowMs, hearsEvents }: PollTime, ids: ReadonlySet<string>): ChangeDoc[] {
    return [...memory.deployments].flatMap(([id, told]) => {
      if (told.end || ids.has(id) || (heard.get(id) ?? 0) >= startMs) return []
      if (hearsEvents && told.leftMs === undefined) {
        remember(id, { ...told, leftMs: nowMs })
        return []
      }
      if (hearsEvents && nowMs - (told.leftMs ?? nowMs) < patienceMs) return []
      return conclude(id, told, nowMs)
    })
  }

  function stuck(plan: MarathonDeployment, nowMs: number): ChangeDoc[] {
    const { id, current } = plan
    const told = memory.deployments.get(id)
    if (!told || told.end || told.stuck === told.step) return []
    if (nowMs - told.stepMs < stuckAfterMs) return []
    remember(id, { ...told, stuck: told.step })
    const minutes = Math.floor((nowMs - told.stepMs) / 60_000)
    const says = `is stuck at step ${told.step} of ${told.total} for ${minutes} minutes${actionsOf(current)}`
    return tell({ id, action: 'stuck', timeMs: nowMs, says }, told, servicesOf(current))
  }

  function forgetHeard(startMs: number): void {
    for (const [id, ms] of heard) if (ms < startMs) heard.delete(id)
  }

  return {
    event({ action, id, timeMs, plan }, nowMs) {
      heard.set(id, nowMs)
      if (action === 'succeeded' || action === 'failed')
        return end(id, action, timeMs, 'event', plan)
      if (!plan) return []
      const changes = see(plan, timeMs)
      const told = memory.deployments.get(id)
      if (action === 'step-done' && told && !told.end && timeMs > told.stepMs) {
        remember(id, { ...told, stepMs: timeMs })
      }
      return changes
    },
    poll(listed, at) {
      const ids = new Set(listed.map(({ id }) => id))
      const changes = [
        ...listed.flatMap((plan) => see(plan, at.nowMs)),
        ...left(at, ids),
        ...listed.flatMap((plan) => stuck(plan, at.nowMs)),
      ]
      forgetHeard(at.startMs)
      return changes
    },
    startedBy(service, { version, stagedMs }) {
      byService ??= indexOf(memory.deployments)
      const touching = byService.get(service) ?? []
      const same = touching.find(([, told]) => version !== undefined && told.version === version)
      if (same) return same[0]
      if (stagedMs === undefined) return undefined
      const during = touching.filter(
        ([, { sinceMs, end: ended }]) => sinceMs <= stagedMs && stagedMs <= (ended?.ms ?? Infinity),
      )
      return during.sort(([, a], [, b]) => b.sinceMs - a.sinceMs)[0]?.[0]
    },
  }
}

/** Where an answer does not number the step, it is the first from the last on that does the same. */
function stepOf({ step, steps, current }: MarathonDeployment, last: number): number {
  if (step !== undefined) return step
  const wanted = JSON.stringify(current)
  const index = steps.findIndex((actions, i) => i >= last - 1 && JSON.stringify(actions) === wanted)
  return index < 0 ? last : index + 1
}

/** Of a deployment whose beginning was missed. */
function unknown(plan: MarathonDeployment | undefined, timeMs: number): ToldDeployment {
  const { affected = [], sinceMs = timeMs, version, total = 0 } = plan ?? {}
  return {
    ...(version === undefined ? {} : { version }),
    sinceMs,
    affected,
    stopped: [],
    total,
    step: total,
    stepMs: timeMs,
  }
}

function scalesOnly(actions: readonly DeploymentAction[]): boolean {
  return (
    actions.length > 0 && actions.every(({ action }) => /^Scale(?:Application|Pod)$/.test(action))
  )
}

const isStop = (action: string) => action === 'StopApplication' || action === 'StopPod'

function servicesOf(actions: readonly DeploymentAction[]): string[] | undefined {
  const services = [...new Set(actions.map(({ service }) => service))]
  return services.length > 0 ? services : undefined
}

function actionsOf(actions: readonly DeploymentAction[]): string {
  const shown = actions.slice(0, 3).map(({ action, service }) => `${action} ${service}`)
  const more = actions.length > 3 ? ` and ${actions.length - 3} more` : ''
  return shown.length > 0 ? `: ${shown.join(', ')}${more}` : ''
}

function indexOf(deployments: ReadonlyMap<string, ToldDeployment>) {
  const byService = new Map<string, [id: string, told: ToldDeployment][]>()
  for (const one of deployments) {
    for (const service of one[1].affected) {
      const others = byService.get(service)
      if (others) others.push(one)
      else byService.set(service, [one])
    }
  }
  return byService
}

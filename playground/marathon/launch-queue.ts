import { explain } from '../../pipeline/errors.ts'
import type { Offer } from '../mesos/model.ts'
import { advanceDelay, delayedUntil, forgetOldDelays } from './back-off.ts'
import { newVolumes, setCondition } from './instances.ts'
import { isScheduled, type Instance } from './model.ts'
import { rejects } from './offer-match.ts'
import { countUnused, countUsed, newStatistics } from './offer-statistics.ts'
import { instancesOf, type State } from './state.ts'
import { taskSpecsOf } from './task-specs.ts'

/** Instances that wait for an offer, by app, those that waited longest first. */
export function waiting(state: State): Map<string, Instance[]> {
  const queue = new Map<string, Instance[]>()
  for (const instance of state.instances.values()) {
    if (!isScheduled(instance)) continue
    const others = queue.get(instance.spec.id)
    if (others) others.push(instance)
    else queue.set(instance.spec.id, [instance])
  }
  return queue
}

export function mayLaunch(state: State, { spec }: Instance): boolean {
  return (delayedUntil(state, spec) ?? 0) <= state.clock.now()
}

/** Looks at the offers of all agents once and launches what fits. */
export function processOffers(state: State): void {
  forgetOldDelays(state)
  const queue = waiting(state)
  forgetStatistics(state, queue)
  const used = new Map<string, number>()
  for (const instances of queue.values()) {
    for (const instance of instances) {
      if (mayLaunch(state, instance) && !placed(state, instance, used)) break
    }
  }
}

/** An app that waits for nothing more begins anew the next time. */
function forgetStatistics(state: State, queue: Map<string, Instance[]>): void {
  for (const id of state.offers.keys()) if (!queue.has(id)) state.offers.delete(id)
}

/** Agents with the most room first, so that instances are spread. */
function placed(state: State, instance: Instance, used: Map<string, number>): boolean {
  const siblings = instancesOf(state, instance.spec.id)
  const statistics = statisticsOf(state, instance.spec.id)
  const offers = state.cluster.offers().toSorted((a, b) => b.cpus - a.cpus || b.mem - a.mem)
  for (const offer of offers) {
    if ((used.get(offer.agent.id) ?? 0) >= state.flags.maxInstancesPerOffer) continue
    state.counts.offersProcessed += 1
    const reasons = rejects(instance, offer, siblings)
    if (reasons.length === 0 && launch(state, instance, offer)) {
      countUsed(statistics, state.clock.now())
      used.set(offer.agent.id, (used.get(offer.agent.id) ?? 0) + 1)
      return true
    }
    countUnused(statistics, { offer, at: state.clock.now(), reasons })
  }
  return false
}

function statisticsOf(state: State, specId: string) {
  const known = state.offers.get(specId) ?? newStatistics()
  state.offers.set(specId, known)
  return known
}

/** False where the agent has not got it any more. */
function launch(state: State, instance: Instance, offer: Offer): boolean {
  const now = state.clock.now()
  const before = { ...instance }
  if (instance.volumes.length === 0) instance.volumes = newVolumes(instance.spec)
  const specs = taskSpecsOf(state, instance)
  // Set before Mesos is asked: it may tell of the first status while it is.
  instance.agent = offer.agent
  instance.incarnation += 1
  instance.tasks = specs.map(({ id }, index) => {
    const container = instance.spec.containers[index]?.name
    return { ...newTask(id, now), ...(container === undefined ? {} : { container }) }
  })
  try {
    const tasks = state.cluster.launch(offer, specs)
    tasks.forEach(({ ports }, index) => {
      const task = instance.tasks[index]
      if (task) task.ports = ports
    })
  } catch (error) {
    Object.assign(instance, before)
    state.log.debug(`Marathon of the playground cannot launch ${instance.id}: ${explain(error)}`)
    return false
  }
  state.counts.tasksLaunched += specs.length
  setCondition(state, instance, 'Provisioned')
  advanceDelay(state, instance.spec)
  return true
}

function newTask(id: string, now: number): Instance['tasks'][number] {
  return {
    id,
    condition: 'Provisioned',
    mesosState: undefined,
    since: now,
    stagedAt: now,
    startedAt: undefined,
    ports: [],
    healthy: undefined,
    message: '',
  }
}

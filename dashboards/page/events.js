import { isoToMs } from './time.js'

/** What can happen, by kind: its colour on the time axis, and whether one look needs it. */
export const kinds = {
  task: { colour: 'event-task', title: 'ends of tasks' },
  deployment: { colour: 'event-deployment', title: 'deployments' },
  scaling: { colour: 'event-scaling', title: 'scaling' },
  alert: { colour: 'event-alert', title: 'alerts' },
  health: { colour: 'event-health', title: 'health checks' },
  posture: { colour: 'event-posture', title: 'how services are run' },
  cluster: { colour: 'event-cluster', title: 'the cluster itself' },
  gap: { colour: 'event-gap', title: 'gaps in the logs' },
  drop: { colour: 'event-gap', title: 'dropped lines' },
  collector: { colour: 'event-gap', title: 'collectors' },
  container: { colour: 'event-container', title: 'containers, as Docker tells them' },
  status: { colour: 'event-container', title: 'states of tasks, as Mesos and Marathon tell them' },
}

/** Of every start and end there are three tellers: the page shows what was made of them, the rest on request. */
export const usualKinds = [
  'task',
  'deployment',
  'scaling',
  'alert',
  'health',
  'posture',
  'cluster',
  'gap',
  'drop',
]

/** What follows from something that has a line already (a deployment that began, an alert that fired) draws none. */
const quiet = new Set([
  'asked',
  'notified',
  'step',
  'held',
  'finished',
  'killed',
  'succeeded',
  'ended',
  'configured',
  'instances-changed',
  'gone',
])

/**
 * What one look at a service needs: not what follows from something else. A deployment has one line: how it ended, or
 * that it began.
 */
export function essential(/** @type {any[]} */ changes) {
  const over = new Set(changes.flatMap((one) => (hasEnded(one) ? [deploymentOf(one)] : [])))
  return changes.filter((one) => {
    const action = one['event.action']
    if (one['event.kind'] !== 'deployment') return !quiet.has(action)
    if (action === 'started') return !over.has(deploymentOf(one))
    return action === 'succeeded' || !quiet.has(action)
  })
}

const deploymentOf = (/** @type {any} */ one) => one['marathon.deployment.id']
const hasEnded = (/** @type {any} */ one) =>
  one['event.kind'] === 'deployment' && ['succeeded', 'failed'].includes(one['event.action'])

/** The lines on the charts. How a service is run bends no curve. */
export function marksOf(/** @type {any[]} */ changes) {
  return changes
    .filter((one) => usualKinds.includes(one['event.kind']) && one['event.kind'] !== 'posture')
    .filter((one) => !quiet.has(one['event.action']))
    .map((one) => ({
      ms: isoToMs(one['@timestamp']),
      colour: colourOfChange(one),
      name: nameOfMark(one),
    }))
}

/** What a mark stands for, in the legend. */
function nameOfMark(/** @type {any} */ one) {
  const kind = one['event.kind']
  if (kind === 'task') return 'a task died'
  if (kind === 'alert') return one['event.action'] === 'resolved' ? 'alert over' : 'alert'
  return kind === 'drop' || kind === 'collector' ? 'gap' : kind
}

/** By what it means: what is over is green, what was asked for is grey. */
export function colourOfChange(/** @type {any} */ one) {
  if (one['event.kind'] === 'alert' && one['event.action'] === 'resolved') return 'event-resolved'
  if (one['event.kind'] === 'task' && one['event.action'] !== 'died') return 'event-container'
  return kinds[/** @type {'task'} */ (one['event.kind'])]?.colour ?? 'dim'
}

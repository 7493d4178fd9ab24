import { msToIso, type ChangeDoc } from '../pipeline/event.ts'
import { identityToEcs, type Identity } from '../pipeline/identity.ts'
import type { MarathonApp } from './marathon-apps.ts'
import { timeOfText } from './marathon-values.ts'
import type { ToldDeployment, ToldService } from './marathon-memory.ts'

/*
 * What happens, as documents. Their ids are made of Marathon's own ids and times: telling the same thing again, from an
 * event or from an answer, replaces it.
 */

const provider = { 'event.provider': 'marathon' }

export interface Status {
  task: string
  /** `TASK_FAILED` … */
  state: string
  timeMs: number
  message?: string
  agent?: string
  exitCode?: number
}

export function statusChange(status: Status, identity: Identity): ChangeDoc {
  const { task, state, timeMs, message, agent, exitCode } = status
  const where = agent === undefined ? '' : ` on ${agent}`
  return {
    '@timestamp': msToIso(timeMs),
    'event.id': `change:status:marathon:${task}:${state}:${timeMs}`,
    'event.kind': 'status',
    'event.action': state,
    message: `${task} is ${state}${where}${message === undefined ? '' : `: ${message}`}`,
    ...provider,
    'task.state': state,
    ...(message === undefined ? {} : { 'task.message': message }),
    ...(exitCode === undefined ? {} : { 'process.exit_code': exitCode }),
    ...identityToEcs(identity),
  }
}

/** Who asked for a change of an app or pod: what becomes of it, deployments tell. */
export function askedChange(
  { service, by, uri, timeMs }: { service: string; by: string; uri: string; timeMs: number },
  identity: Identity,
): ChangeDoc {
  return {
    '@timestamp': msToIso(timeMs),
    'event.id': `change:deployment:asked:${service}:${timeMs}`,
    'event.kind': 'deployment',
    'event.action': 'asked',
    message: `a change of ${service} was asked for by ${by} (${uri})`,
    'client.address': by,
    ...provider,
    ...identityToEcs(identity),
  }
}

export function healthChange(
  task: string,
  healthy: boolean,
  timeMs: number,
  identity: Identity,
): ChangeDoc {
  const action = healthy ? 'healthy' : 'unhealthy'
  const where = identity.agent === undefined ? '' : ` on ${identity.agent}`
  return {
    '@timestamp': msToIso(timeMs),
    'event.id': `change:health:${task}:${action}:${timeMs}`,
    'event.kind': 'health',
    'event.action': action,
    message: `${task} is ${action}${where}`,
    ...provider,
    ...identityToEcs(identity),
  }
}

/**
 * Marathon kills a task, since its checks fail. Mesos tells the end of such a task as it tells that of one which was asked
 * for: only by this is it known that nobody did.
 */
export function healthKillChange(
  { task, timeMs, reason }: { task: string; timeMs: number; reason?: string },
  identity: Identity,
): ChangeDoc {
  const where = identity.agent === undefined ? '' : ` on ${identity.agent}`
  const why = reason === undefined ? '' : `: ${reason}`
  return {
    '@timestamp': msToIso(timeMs),
    'event.id': `change:health:${task}:killed:${timeMs}`,
    'event.kind': 'health',
    'event.action': 'killed',
    message: `${task} is killed${where}, because its health checks fail${why}`,
    ...provider,
    ...(reason === undefined ? {} : { 'task.message': reason }),
    ...identityToEcs(identity),
  }
}

export interface DeploymentNews {
  id: string
  action: 'started' | 'step' | 'stuck' | 'succeeded' | 'failed' | 'ended'
  timeMs: number
  /** Behind "deployment <id> of <service>". */
  says: string
}

/** One for each of the services, since they are looked for by service; without any one alone. */
export function deploymentChanges(
  { id, action, timeMs, says }: DeploymentNews,
  told: ToldDeployment,
  services: readonly string[],
  identityOf: (service: string) => Identity,
): ChangeDoc[] {
  // All ends have one id: an event that comes late corrects what was concluded without it.
  const part = { step: `step:${told.step}`, stuck: `stuck:${told.step}`, started: 'started' }
  const name = part[action as keyof typeof part] ?? 'end'
  const of = services.length > 0 ? services.slice(0, maxServices) : [undefined]
  return of.map((service) => ({
    '@timestamp': msToIso(timeMs),
    'event.id': `change:deployment:${id}:${name}:${service ?? ''}`,
    'event.kind': 'deployment',
    'event.action': action,
    message: `deployment ${id}${service === undefined ? '' : ` of ${service}`} ${says}`,
    ...provider,
    'deployment.affected': told.affected.slice(0, maxServices),
    'deployment.step': told.step,
    'deployment.steps': told.total,
    ...(told.scalesOnly ? { 'deployment.scales_only': true } : {}),
    ...identityToEcs({
      ...(service === undefined ? {} : identityOf(service)),
      deployment: id,
    }),
  }))
}

/** A deployment of everything must not write a document for everything at each of its steps. */
const maxServices = 100

/** A new version of an app; undefined where it is not newer than the one that is known. */
export function versionChange(
  app: MarathonApp,
  told: ToldService,
  identity: Identity,
  { nowMs, differences }: { nowMs: number; differences: () => string[] },
): ChangeDoc | undefined {
  const { id, version, configVersion = version, instances } = app
  if (version === undefined || told.version === undefined || version <= told.version) {
    return undefined
  }
  const isScaled = configVersion === told.config && instances !== told.instances
  const what = isScaled
    ? `${told.instances ?? 'unknown'} → ${instances ?? 'unknown'} instances`
    : 'configuration changed'
  const changed = isScaled ? [] : differences()
  const which = changed.length > 0 ? `, ${changed.join(', ')}` : ''
  return {
    '@timestamp': msToIso(timeOfText(version) ?? nowMs),
    'event.id': `change:deployment:version:${id}:${version}`,
    'event.kind': 'deployment',
    'event.action': isScaled ? 'instances-changed' : 'configured',
    message: `${id} has version ${version} instead of ${told.version}: ${what}${which}`,
    ...provider,
    'marathon.version.previous': told.version,
    ...(changed.length > 0 ? { 'marathon.version.changed': changed } : {}),
    ...identityToEcs(identity),
  }
}

/** Of an app or pod that Marathon has no more. */
export function removedChange(service: string, timeMs: number, identity: Identity): ChangeDoc {
  return {
    '@timestamp': msToIso(timeMs),
    'event.id': `change:deployment:removed:${service}:${timeMs}`,
    'event.kind': 'deployment',
    'event.action': 'removed',
    message: `${service} was removed from Marathon`,
    ...provider,
    ...identityToEcs(identity),
  }
}

export function leaderChange(
  name: string,
  action: 'leader-elected' | 'leader-lost',
  timeMs: number,
  message: string,
  cluster: string | undefined,
): ChangeDoc {
  return {
    '@timestamp': msToIso(timeMs),
    'event.id': `change:cluster:${name}:${action}:${timeMs}`,
    'event.kind': 'cluster',
    'event.action': action,
    message,
    ...provider,
    ...identityToEcs(cluster === undefined ? {} : { cluster }),
  }
}

import type { Identity, ToldTask } from '../pipeline/identity.ts'
import type { ConsulInstance } from './consul-answers.ts'
import { clean, withoutUnknown } from './docker-identity.ts'
import { containerOfDockerName, marathonTask } from './mesos-task-id.ts'

/** What an instance of Consul is in the cluster, as far as those who registered it let us know. */
export interface ConsulLink {
  task?: string
  /** Mesos' id of its container. */
  container?: string
}

const marathonConsul = /^marathon-task:(.{1,512})$/
const mesosConsul = /^mesos-consul:[^:]+:(.{1,512}):\d+$/
const registrator = /^[^:]+:([^:]{1,512}):\d+(?::udp)?$/

/**
 * marathon-consul tells the task in a tag; mesos-consul in the id; registrator tells the container's name in the id, which
 * Mesos makes of its own id.
 */
export function linkOf({ id, tags }: Pick<ConsulInstance, 'id' | 'tags'>): ConsulLink {
  const tagged = tags.flatMap((tag) => marathonConsul.exec(tag)?.[1] ?? [])[0]
  const task = tagged ?? mesosConsul.exec(id)?.[1]
  if (task !== undefined) return { task }
  const container = containerOfDockerName(registrator.exec(id)?.[1] ?? '')
  return container === undefined ? {} : { container }
}

/** Of a change. A task is completed from the catalog; what is in no cluster has Consul's own names. */
export function instanceIdentity(instance: ConsulInstance, cluster: string | undefined): Identity {
  const { task, container } = linkOf(instance)
  const isOurs = task !== undefined || container !== undefined
  const ofMarathon = task === undefined ? undefined : marathonTask(task)?.service
  return withoutUnknown({
    cluster,
    service: ofMarathon ?? (isOurs ? undefined : clean(instance.service)),
    task: clean(task),
    container,
    agent: isOurs ? undefined : clean(instance.node),
    labels: labelsOf(instance),
  })
}

/** What a task has of Consul: a label, and nothing that Mesos and Marathon know better. */
export function toldTask(instance: ConsulInstance): ToldTask[] {
  const task = clean(linkOf(instance).task)
  return task === undefined ? [] : [{ task, labels: labelsOf(instance) }]
}

const labelsOf = ({ service }: ConsulInstance) => ({
  'consul.service': clean(service) ?? 'unnamed',
})

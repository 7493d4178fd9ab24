import type { Identity } from '../pipeline/identity.ts'
import { clean, withoutUnknown } from './docker-identity.ts'
import type { Split } from './exposition-measured.ts'

/** Docker's id, wherever it stands in the path of a cgroup: `/docker/<id>`, `/system.slice/docker-<id>.scope`, `/kubepods/…/<id>`. */
const containerId = /(?:^|[/-])([0-9a-f]{64})(?:\.scope)?$/

/** Labels by which cAdvisor tells a container, and what it was started with: the identity tells that. */
const cadvisor = /^(?:id|name|image|container_label_.*|container_env_.*)$/

/**
 * Whose a series is: of a cAdvisor the container that it names (cgroups that are no container are nobody's, as their parts are
 * measured), else the target itself.
 */
export function ownerOf(target: Identity): Split<Identity> {
  const containers = new Map<string, Identity>()
  return (labels) => {
    const { id } = labels
    const isCadvisor = id?.startsWith('/') === true
    if (!isCadvisor) return { key: '', owner: target, labels }
    const container = containerId.exec(id)?.[1]
    const name = clean(labels['name'])
    if (container === undefined || name === undefined) return undefined
    const owner = containers.get(container) ?? identityOf(target, container, name, labels)
    containers.set(container, owner)
    return { key: container, owner, labels: withoutContainer(labels) }
  }
}

/** Service, task and the rest become known by the container's id. */
function identityOf(
  { cluster, agent, retention }: Identity,
  container: string,
  name: string,
  labels: Record<string, string>,
): Identity {
  return withoutUnknown({
    cluster,
    agent,
    retention,
    container,
    containerName: name,
    image: clean(labels['image']),
    service: clean(labels['container_env_marathon_app_id']),
    task: clean(labels['container_env_mesos_task_id']),
  })
}

function withoutContainer(labels: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(labels).filter(([name]) => !cadvisor.test(name)))
}

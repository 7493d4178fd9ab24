/** What a task id (or the executor id of a pod) of Marathon's tells. */
export interface MarathonId {
  /** The app or pod: `/shop/web`. */
  service: string
  /** `<safe id>.instance-<uuid>`; undefined for the forms without one. */
  instance?: string
  /** Of a pod: which of its containers; undefined for apps and for executors. */
  container?: string
  /** Of an executor that runs one task: which. */
  task?: string
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/*
 * Marathon's own patterns, in its own order. Group 1 is the app's id with `_` for `/`, which its segments cannot
 * contain; group 3 is a UUID, or the id is of another framework.
 */
const withIncarnation = /^(.+)\.(instance-|marathon-)([^_.]+)[._]([^.]+)\.(\d+)$/
const withInstance = /^(.+)\.(instance-|marathon-)([^_.]+)[._]([^.]+)$/
const resident = /^(.+)([._])([^_.]+)(\.)(\d+)$/
const legacy = /^(.+)([._])([^_.]+)$/
/** The executor of a pod: the prefix stands first. */
const podExecutor = /^instance-(.+)\.([^_.]+)$/

const maxLength = 1024

/**
 * Reads a Mesos task id as Marathon made it since 0.7. Undefined for ids of other frameworks: Chronos
 * (`ct:1429012800000:0:job:`), Storm (`host-31000`), HDFS (`task.journalnode….1427905222900`).
 *
 * @example
 * marathonTask('shop_api.instance-25212c0c-e6a2-11f1-bdef-02fc00000001._app.1')
 * // { service: '/shop/api', instance: 'shop_api.instance-25212c0c-e6a2-11f1-bdef-02fc00000001' }
 */
export function marathonTask(id: string): MarathonId | undefined {
  if (id.length > maxLength) return undefined
  for (const pattern of [withIncarnation, withInstance]) {
    const [, safe, prefix, unique, container] = pattern.exec(id) ?? []
    if (!isId(safe, unique)) continue
    const instance = `${safe}.${prefix}${unique}`
    const service = serviceOf(safe)
    return container === '_app' || container === undefined
      ? { service, instance }
      : { service, instance, container }
  }
  for (const pattern of [resident, legacy]) {
    const [, safe, , unique] = pattern.exec(id) ?? []
    if (isId(safe, unique)) return { service: serviceOf(safe) }
  }
  return undefined
}

/**
 * Reads an executor id: that of a pod (`instance-<safe id>.<uuid>`), of a custom executor (`marathon-<task id>`), or of a
 * command task, where it is the task's.
 *
 * @example
 * marathonExecutor('instance-shop_pod.25212c0c-e6a2-11f1-bdef-02fc00000001')
 * // { service: '/shop/pod', instance: 'shop_pod.instance-25212c0c-e6a2-11f1-bdef-02fc00000001' }
 */
export function marathonExecutor(id: string): MarathonId | undefined {
  if (id.length > maxLength) return undefined
  const [, safe, unique] = podExecutor.exec(id) ?? []
  if (isId(safe, unique)) {
    return { service: serviceOf(safe), instance: `${safe}.instance-${unique}` }
  }
  const task = id.startsWith('marathon-') ? id.slice('marathon-'.length) : id
  const read = marathonTask(task)
  return read && { ...read, task }
}

function isId(safe: string | undefined, unique: string | undefined): safe is string {
  return safe !== undefined && unique !== undefined && uuid.test(unique)
}

const serviceOf = (safe: string) => `/${safe.replaceAll('_', '/')}`

/** A Mesos container id: all that Docker's names of Mesos' containers are made of. */
export const isUuid = (id: string) => uuid.test(id)

/**
 * The Mesos container id in the name that Mesos gives a Docker container: `mesos-<uuid>` (up to 0.22 and since 1.4),
 * `mesos-<agent id>.<uuid>[.executor]` between. Undefined for other names.
 */
export function containerOfDockerName(name: string): string | undefined {
  const rest = /^\/?mesos-(.+)$/.exec(name)?.[1]
  if (rest === undefined || rest.length > maxLength) return undefined
  if (uuid.test(rest)) return rest
  const parts = rest.split('.')
  const id = parts.at(-1) === 'executor' ? parts.at(-2) : parts.at(-1)
  return parts.length > 1 && id !== undefined && uuid.test(id) ? id : undefined
}

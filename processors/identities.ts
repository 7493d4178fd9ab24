import { identityFields, type Identity } from '../pipeline/identity.ts'

/**
 * What is known of containers and tasks, also of dead ones: their lines come late. Bounded: of each kind those that
 * were told of longest ago are forgotten.
 */
export interface Identities {
  get(container: string): Identity | undefined
  getTask(task: string): Identity | undefined
  /**
   * The identity with what is missing filled in, what was stamped at the source untouched; labels are merged. How long
   * an event is kept is said at its source or not at all: it must not change when the event comes again. The same
   * object where nothing is to be added.
   */
  complete(identity: Identity): Identity
  /** Undefined: nothing is known any more. Returns the keys that were forgotten for it. */
  learn(key: string, told: Identity | undefined, options?: { merged?: boolean }): string[]
  /** What is known under a key of the topic `identity`. */
  at(key: string): Identity | undefined
  /** Whether Mesos or Marathon ever told of a task. */
  hasTasks(): boolean
}

/** How {@link taskKey} begins. */
const taskPrefix = 'task:'
const defaultMaxKnown = 100_000

export function openIdentities({ maxKnown = defaultMaxKnown } = {}): Identities {
  const containers = new Map<string, Identity>()
  const tasks = new Map<string, Identity>()
  /** By Mesos' id of its container the task that has a Docker container to itself. */
  const dockerTasks = new Map<string, string>()
  const share = openSharing()
  let toldOfTasks = false

  const mapOf = (key: string) => (isTaskKey(key) ? tasks : containers)
  const nameIn = (key: string) => (isTaskKey(key) ? key.slice(taskPrefix.length) : key)

  function complete(identity: Identity): Identity {
    const { container, service } = identity
    const described = container === undefined ? undefined : containers.get(container)
    // Before its description was there, the collector could only guess: what it told of it later counts more.
    const guessed = service === undefined && described?.service !== undefined
    const local = guessed
      ? withoutRetention(fill(described, identity))
      : fill(identity, described, completedParts)
    const task = local.task === undefined ? byMesosContainer(local) : tasks.get(local.task)
    // What is known of another life of the task is not of this one.
    return task && isOtherLife(local, task) ? local : fill(local, task, completedParts)
  }

  /**
   * A Docker container that does not tell its task: Mesos knows it by the id in the container's name. Where several
   * tasks share a container, Mesos knows the executor in it.
   */
  function byMesosContainer(local: Identity): Identity | undefined {
    const id = mesosContainerOf(local)
    if (id === undefined || local.containerName === undefined) return undefined
    const task = dockerTasks.get(id)
    return task === undefined ? containers.get(id) : tasks.get(task)
  }

  function put(task: string, before: Identity | undefined, now: Identity | undefined): void {
    const [old, id] = [before, now].map((one) => one?.containerName && mesosContainerOf(one))
    if (old && old !== id && dockerTasks.get(old) === task) dockerTasks.delete(old)
    if (id) dockerTasks.set(id, task)
  }

  return {
    get: (container) => containers.get(container),
    getTask: (task) => tasks.get(task),
    complete,
    learn(key, told, { merged = false } = {}) {
      const map = mapOf(key)
      const name = nameIn(key)
      const before = map.get(name)
      map.delete(name)
      const now = told && share(isTaskKey(key) ? mergeTask(before, told, merged) : told)
      if (isTaskKey(key)) put(name, before, now)
      if (!now) return []
      toldOfTasks ||= isTaskKey(key)
      map.set(name, now)
      if (map.size <= maxKnown) return []
      const oldest = map.keys().next().value as string
      if (isTaskKey(key)) put(oldest, map.get(oldest), undefined)
      map.delete(oldest)
      return [isTaskKey(key) ? taskPrefix + oldest : oldest]
    },
    at: (key) => mapOf(key).get(nameIn(key)),
    hasTasks: () => toldOfTasks,
  }
}

function withoutRetention(known: Identity): Identity {
  const { retention: _, ...identity } = known
  return identity
}

export function isTaskKey(key: string): boolean {
  return key.startsWith(taskPrefix)
}

/**
 * Mesos and Marathon each tell a part of a task under the same key: the newest of each part holds, and a container of
 * another id is another life of the task. What was merged here before and comes back is never newer than what we know.
 */
function mergeTask(before: Identity | undefined, told: Identity, merged: boolean): Identity {
  if (!before) return told
  const containers = [before.container ?? told.container, told.container ?? before.container]
  const isOther = containers[0] !== containers[1] || isOtherLife(before, told)
  if (isOther) return merged ? before : told
  return merged ? fill(before, told) : fill(told, before)
}

/**
 * Whether two identities with the same task id are of different tasks: another framework may use the same ids, and one may
 * use its own again, in another container.
 */
export function isOtherLife(a: Identity, b: Identity): boolean {
  const differ = (one: string | undefined, other: string | undefined) =>
    one !== undefined && other !== undefined && one !== other
  return differ(a.framework, b.framework) || differ(mesosContainerOf(a), mesosContainerOf(b))
}

const uuidAtEnd =
  /(?:^|[-.])([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})(?:\.executor)?$/i

/** Mesos' id of the container: in the name that it gives Docker's containers; others have it as their id. */
function mesosContainerOf({ container = '', containerName = '' }: Identity): string | undefined {
  const named = containerName.startsWith('mesos-') ? uuidAtEnd.exec(containerName)?.[1] : undefined
  return named ?? uuidAtEnd.exec(container)?.[1]
}

/** `identity` with what only `more` has; the same object if that is nothing. */
function fill(identity: Identity, more: Identity | undefined, parts = identityParts): Identity {
  if (!more) return identity
  let filled = identity
  for (const part of parts) {
    const value = part === 'labels' ? mergedLabels(identity.labels, more.labels) : more[part]
    if (value === undefined || (identity[part] !== undefined && part !== 'labels')) continue
    if (value === identity[part]) continue
    if (filled === identity) filled = { ...identity }
    Object.assign(filled, { [part]: value })
  }
  return filled
}

const identityParts = Object.keys(identityFields) as (keyof Identity)[]
const completedParts = identityParts.filter((part) => part !== 'retention')

/** `own` itself where `more` has no label that it lacks. */
function mergedLabels(own: Identity['labels'], more: Identity['labels']): Identity['labels'] {
  if (!own || !more) return own ?? more
  const lacks = Object.keys(more).some((name) => !Object.hasOwn(own, name))
  return lacks ? { ...more, ...own } : own
}

/** Thousands of tasks have the same service, image, labels …: each value is kept once. */
function openSharing() {
  const values = new Map<string, unknown>()
  const maxShared = 100_000

  return (identity: Identity): Identity => {
    if (values.size > maxShared) values.clear()
    const shared: Record<string, unknown> = {}
    for (const part of identityParts) {
      const value = identity[part]
      if (value === undefined) continue
      shared[part] = unshared.has(part) ? value : shareOne(value)
    }
    return shared
  }

  function shareOne(value: string | Record<string, string>): unknown {
    const key = typeof value === 'string' ? value : JSON.stringify(value)
    const known = values.get(key)
    // A text may look like the JSON of labels.
    if (known !== undefined && typeof known === typeof value) return known
    values.set(key, value)
    return value
  }
}

/** Each task and container has its own. */
const unshared: ReadonlySet<keyof Identity> = new Set(['task', 'container', 'containerName'])

/** What can be used of a record's value: texts, and labels that are texts. Throws where it is no object at all. */
export function readIdentity(value: unknown): Identity {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new TypeError('not an identity')
  }
  const given = value as Record<string, unknown>
  const identity: Record<string, unknown> = {}
  for (const part of identityParts) {
    const found = part === 'labels' ? readLabels(given[part]) : given[part]
    if (part === 'labels' ? found !== undefined : isName(found)) identity[part] = found
  }
  return identity
}

function readLabels(value: unknown): Record<string, string> | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  const texts = Object.entries(value).filter(([, text]) => typeof text === 'string')
  return texts.length > 0 ? Object.fromEntries(texts) : undefined
}

/** Absent means unknown: an empty text never stands for it. */
function isName(value: unknown): boolean {
  return typeof value === 'string' && value !== ''
}

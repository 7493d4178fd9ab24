import { identityFields, type Identity } from '../pipeline/identity.ts'
import { lifeOf, mesosContainerOf, withLife, type Lives } from './lives.ts'

/**
 * What is known of containers and tasks, also of dead ones: their lines come late. A task id may be used again: each of its
 * lives is known by itself, and an event is of the one that its container, or its time, tells. Bounded: of each kind those that
 * were told of longest ago are forgotten.
 */
export interface Identities {
  get(container: string): Identity | undefined
  getTask(task: string): Identity | undefined
  /**
   * The identity with what is missing filled in, what was stamped at the source untouched; labels are merged. How long
   * an event is kept is said at its source or not at all: it must not change when the event comes again. The same
   * object where nothing is to be added. `time`: of the event, fixed-width ISO.
   */
  complete(identity: Identity, time?: string): Identity
  /** Undefined: nothing is known any more. Returns the keys that were forgotten for it. */
  learn(key: string, told: Identity | undefined, options?: LearnOptions): string[]
  /** What is known under a key of the topic `identity`. */
  at(key: string): Identity | undefined
  /** The lives of a task, by its key. */
  lives(key: string): Lives
  /** Whether Mesos or Marathon ever told of a task. */
  hasTasks(): boolean
}

export interface LearnOptions {
  /** What several told was put together here before, and comes back. */
  merged?: boolean
  /** When this life of the task began, fixed-width ISO. */
  since?: string | undefined
}

/** How {@link taskKey} begins. */
const taskPrefix = 'task:'
const defaultMaxKnown = 100_000

export function openIdentities({ maxKnown = defaultMaxKnown } = {}): Identities {
  const containers = new Map<string, Identity>()
  const tasks = new Map<string, Lives>()
  /** By Mesos' id of its container the task that has a Docker container to itself. */
  const dockerTasks = new Map<string, string>()
  const share = openSharing()
  let toldOfTasks = false

  const getTask = (task: string) => tasks.get(task)?.at(-1)?.identity

  function complete(identity: Identity, time?: string): Identity {
    const { container, service } = identity
    const described = container === undefined ? undefined : containers.get(container)
    // Before its description was there, the collector could only guess: what it told of it later counts more.
    const guessed = service === undefined && described?.service !== undefined
    const local = guessed
      ? withoutRetention(fill(described, identity))
      : fill(identity, described, completedParts)
    if (local.task === undefined) return fill(local, byMesosContainer(local), completedParts)
    const lives = tasks.get(local.task)
    return lives ? fill(local, lifeOf(lives, local, time), completedParts) : local
  }

  /**
   * A Docker container that does not tell its task: Mesos knows it by the id in the container's name. Where several
   * tasks share a container, Mesos knows the executor in it.
   */
  function byMesosContainer(local: Identity): Identity | undefined {
    const id = mesosContainerOf(local)
    if (id === undefined || local.containerName === undefined) return undefined
    const task = dockerTasks.get(id)
    return task === undefined ? containers.get(id) : lifeOf(tasks.get(task) ?? [], local)
  }

  /** Takes the place of what was known of the task. */
  function put(task: string, lives: Lives): void {
    for (const id of dockerIds(tasks.get(task))) {
      if (dockerTasks.get(id) === task) dockerTasks.delete(id)
    }
    tasks.delete(task)
    if (lives.length === 0) return
    tasks.set(task, lives)
    for (const id of dockerIds(lives)) dockerTasks.set(id, task)
  }

  function learnTask(name: string, told: Identity, { merged = false, since }: LearnOptions): void {
    toldOfTasks = true
    const before = tasks.get(name) ?? []
    const merge = (known: Identity, news: Identity) =>
      share(merged ? fill(known, news) : fill(news, known))
    put(name, withLife(before, { identity: share(told), since }, { merged, merge }))
  }

  /** What was told of longest ago, where there is too much. */
  function oldestOf(map: ReadonlyMap<string, unknown>): string[] {
    return map.size <= maxKnown ? [] : [map.keys().next().value as string]
  }

  return {
    get: (container) => containers.get(container),
    getTask,
    complete,
    learn(key, told, options = {}) {
      if (isTaskKey(key)) {
        const name = nameIn(key)
        if (told) learnTask(name, told, options)
        else put(name, [])
        const forgotten = oldestOf(tasks)
        for (const oldest of forgotten) put(oldest, [])
        return forgotten.map((oldest) => taskPrefix + oldest)
      }
      containers.delete(key)
      if (told) containers.set(key, share(told))
      const forgotten = oldestOf(containers)
      for (const oldest of forgotten) containers.delete(oldest)
      return forgotten
    },
    at: (key) => (isTaskKey(key) ? getTask(nameIn(key)) : containers.get(key)),
    lives: (key) => tasks.get(nameIn(key)) ?? [],
    hasTasks: () => toldOfTasks,
  }
}

/** Mesos' ids of the Docker containers that a task had. */
function dockerIds(lives: Lives = []): string[] {
  return lives.flatMap(({ identity }) =>
    identity.containerName === undefined ? [] : (mesosContainerOf(identity) ?? []),
  )
}

const nameIn = (key: string) => key.slice(taskPrefix.length)

function withoutRetention(known: Identity): Identity {
  const { retention: _, ...identity } = known
  return identity
}

export function isTaskKey(key: string): boolean {
  return key.startsWith(taskPrefix)
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

import { identityFields, type Identity } from '../pipeline/identity.ts'
import { lifeOf, withLife, type Lives } from './lives.ts'

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
    const lives = local.task === undefined ? undefined : tasks.get(local.task)
    return lives ? fill(local, lifeOf(lives, local, time), completedParts) : local
  }

  function learnTask(name: string, told: Identity, { merged = false, since }: LearnOptions): void {
    toldOfTasks = true
    const before = tasks.get(name) ?? []
    const merge = (known: Identity, news: Identity) =>
      share(merged ? fill(known, news) : fill(news, known))
    tasks.delete(name)
    tasks.set(name, withLife(before, { identity: share(told), since }, { merged, merge }))
  }

  /** What was told of longest ago. */
  function forgetOldest(map: Map<string, unknown>): string[] {
    if (map.size <= maxKnown) return []
    const oldest = map.keys().next().value as string
    map.delete(oldest)
    return [oldest]
  }

  return {
    get: (container) => containers.get(container),
    getTask,
    complete,
    learn(key, told, options = {}) {
      if (isTaskKey(key)) {
        const name = nameIn(key)
        if (told) learnTask(name, told, options)
        else tasks.delete(name)
        return forgetOldest(tasks).map((oldest) => taskPrefix + oldest)
      }
      containers.delete(key)
      if (told) containers.set(key, share(told))
      return forgetOldest(containers)
    },
    at: (key) => (isTaskKey(key) ? getTask(nameIn(key)) : containers.get(key)),
    lives: (key) => tasks.get(nameIn(key)) ?? [],
    hasTasks: () => toldOfTasks,
  }
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

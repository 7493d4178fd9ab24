import type { Identity } from '../pipeline/identity.ts'

/** One run of a task: its id may be used again. */
export interface Life {
  identity: Identity
  /** When it began, fixed-width ISO; undefined where nobody told. */
  since?: string | undefined
}

/** In the order of their beginnings, the newest last. */
export type Lives = readonly Life[]

/** So many runs of one id are remembered. */
const maxLives = 8

/**
 * The lives with what was told of one: it becomes a part of the life that it may be of, or is a life of its own. `merge`
 * puts what was known and what was told together. What was merged before and comes back (`merged`) is never newer.
 */
export function withLife(
  lives: Lives,
  told: Life,
  { merged, merge }: { merged: boolean; merge(before: Identity, told: Identity): Identity },
): Lives {
  const at = lives.findLastIndex(({ identity }) => isSameLife(identity, told.identity))
  const before = lives[at]
  if (!before) return inserted(lives, told, merged).slice(-maxLives)
  const identity = merge(before.identity, told.identity)
  return lives.with(at, { identity, since: earliest(before.since, told.since) })
}

function isSameLife(one: Identity, other: Identity): boolean {
  const container = one.container ?? other.container
  return container === (other.container ?? one.container) && !isOtherLife(one, other)
}

function inserted(lives: Lives, told: Life, merged: boolean): Life[] {
  return lives.toSpliced(merged ? behindOlder(lives, told) : beforeYounger(lives, told), 0, told)
}

function behindOlder(lives: Lives, { since }: Life): number {
  if (since === undefined) return 0
  return lives.findLastIndex((life) => life.since !== undefined && life.since < since) + 1
}

function beforeYounger(lives: Lives, { since }: Life): number {
  if (since === undefined) return lives.length
  const younger = lives.findIndex((life) => life.since !== undefined && life.since > since)
  return younger === -1 ? lives.length : younger
}

function earliest(one: string | undefined, other: string | undefined): string | undefined {
  if (one === undefined || other === undefined) return one ?? other
  return one < other ? one : other
}

/** The life that an event is of: by framework and container, and where these do not tell, by the event's time. */
export function lifeOf(lives: Lives, of: Identity, time?: string): Identity | undefined {
  const possible = lives.filter(({ identity }) => !isOtherLife(of, identity))
  if (possible.length < 2 || time === undefined) return possible.at(-1)?.identity
  const later = possible.findIndex(({ since }) => since !== undefined && since > time)
  return possible.at(later === -1 ? -1 : Math.max(0, later - 1))?.identity
}

/**
 * Whether two identities with the same task id are of different tasks: another framework may use the same ids, and one may
 * use its own again, in another container.
 */
export function isOtherLife(a: Identity, b: Identity): boolean {
  const differ = (one: string | undefined, other: string | undefined) =>
    one !== undefined && other !== undefined && one !== other
  if (differ(a.framework, b.framework)) return true
  return differ(mesosContainerOf(a), mesosContainerOf(b))
}

const uuidAtEnd =
  /(?:^|[-.])([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})(?:\.executor)?$/i

/** Mesos' id of the container: in the name that it gives Docker's containers; others have it as their id. */
export function mesosContainerOf({
  container = '',
  containerName = '',
}: Identity): string | undefined {
  const named = containerName.startsWith('mesos-') ? uuidAtEnd.exec(containerName)?.[1] : undefined
  return named ?? uuidAtEnd.exec(container)?.[1]
}

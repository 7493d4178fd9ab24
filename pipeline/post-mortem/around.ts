import { isoToMs } from '../event.ts'
import { identityFields } from '../identity.ts'
import type { DocQuery, StoredDoc } from '../store/store.ts'
import type { EndFacts } from './facts.ts'

/** Asks the store for changes. */
export type AskChanges = (query: DocQuery) => Promise<StoredDoc[]>

export const deathWindowMs = 10 * 60_000
const lookBackMs = 30 * 86_400_000
const maxDeaths = 1000
const maxChanges = 100

export interface DeploymentBefore {
  id: string
  /** When it began, or what is known of it first. */
  atMs: number
  /** How long before the end of the task, ms. */
  beforeMs: number
  version?: string
  /** How it stood when the task ended: `started`, `step`, `succeeded` … */
  action: string
  /** What it changed, as far as that was told. */
  changed: string[]
}

/** The n-th death of the service within ten minutes, this one with it; undefined for what is no death, or of no service. */
export async function nthDeath(
  ask: AskChanges,
  { ending, atMs, identity: { service } }: EndFacts,
): Promise<number | undefined> {
  if (ending !== 'died' || service === undefined) return undefined
  const range = { from: atMs - deathWindowMs + 1, to: atMs + 1 }
  const query = { kinds: ['task'], query: 'action:died', services: [service], ...range }
  const found = await ask({ ...query, limit: maxDeaths })
  return Math.max(1, found.length)
}

/** The last deployment of the service that began before the task ended. */
export async function deploymentBefore(
  ask: AskChanges,
  { atMs, identity: { service } }: EndFacts,
): Promise<DeploymentBefore | undefined> {
  if (service === undefined) return undefined
  const range = { from: atMs - lookBackMs, to: atMs + 1 }
  const query = { kinds: ['deployment'], services: [service], ...range, limit: maxChanges }
  const found = await ask(query)
  const newest = found.find((doc) => idOf(doc) !== undefined)
  const id = newest && idOf(newest)
  if (!newest || id === undefined) return undefined
  const own = found.filter((doc) => idOf(doc) === id)
  const began = own.find((doc) => actionOf(doc) === 'started') ?? own.at(-1) ?? newest
  const beganMs = isoToMs(began['@timestamp'])
  const version = versionOf(own)
  return {
    id,
    atMs: beganMs,
    beforeMs: atMs - beganMs,
    action: actionOf(newest),
    changed: changesIn(found, beganMs),
    ...(version === undefined ? {} : { version }),
  }
}

/** Who asked, and the version, are told apart from the deployment that follows, of which they know the time alone. */
const sameTimeMs = 2000

function changesIn(found: readonly StoredDoc[], beganMs: number): string[] {
  const about = ['asked', 'configured', 'instances-changed']
  return found
    .filter((doc) => about.includes(actionOf(doc)))
    .filter((doc) => Math.abs(isoToMs(doc['@timestamp']) - beganMs) <= sameTimeMs)
    .flatMap((doc) => (typeof doc['message'] === 'string' ? [doc['message']] : []))
}

function versionOf(docs: readonly StoredDoc[]): string | undefined {
  const versions = docs.map((doc) => doc[identityFields.version])
  return versions.find((version) => typeof version === 'string')
}

function idOf(doc: StoredDoc): string | undefined {
  const id = doc[identityFields.deployment]
  return typeof id === 'string' ? id : undefined
}

function actionOf(doc: StoredDoc): string {
  const action = doc['event.action']
  return typeof action === 'string' ? action : ''
}

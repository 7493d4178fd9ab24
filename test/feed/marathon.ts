import type { Problem } from '../../collectors/answer.ts'
import { readApps, readGroups, type MarathonApp } from '../../collectors/marathon-apps.ts'
import { readDeployments } from '../../collectors/marathon-deployments.ts'
import { readEvent, readMessage, type EventRead } from '../../collectors/marathon-event.ts'
import { readInfo } from '../../collectors/marathon-info.ts'
import { readPods } from '../../collectors/marathon-pods.ts'
import { readQueue } from '../../collectors/marathon-queue.ts'
import { readTasks } from '../../collectors/marathon-tasks.ts'
import { openSse } from '../../collectors/sse.ts'
import { identitiesOfApps, identitiesOfEvents, identitiesOfTasks } from './marathon-identities.ts'
import {
  countIn,
  has,
  isListOf,
  isRecord,
  readAs,
  together,
  type Kind,
  type Understood,
} from './understood.ts'

function appCounts(apps: readonly MarathonApp[]) {
  const tasks = apps.reduce((sum, app) => sum + (app.tasks?.length ?? 0), 0)
  return { apps: apps.length, ...(tasks > 0 ? { tasks } : {}) }
}

function apps(value: unknown): Understood {
  const { apps: read = [], problems } = readApps(value)
  const there = has(value, 'app') || has(value, 'id') ? 1 : countIn(value, 'apps', '*')
  const identities = identitiesOfApps(read)
  return { counts: appCounts(read), problems, identities, listed: { there, read: read.length } }
}

function definitions(value: unknown): Understood {
  return together((value as unknown[]).map(apps))
}

/** Groups hold pods too, which are asked for by themselves. */
function groups(value: unknown): Understood {
  const { apps: read = [], problems } = readGroups(value)
  const there = { apps: 0, pods: [] as unknown[] }
  count(value, there)
  const ofApps = {
    counts: appCounts(read),
    problems,
    identities: identitiesOfApps(read),
    listed: { there: there.apps, read: read.length },
  }
  return there.pods.length > 0 ? together([ofApps, pods(there.pods)]) : ofApps
}

function count(group: unknown, sum: { apps: number; pods: unknown[] }, depth = 0): void {
  if (!isRecord(group) || depth > 100) return
  sum.apps += countIn(group, 'apps')
  if (Array.isArray(group['pods'])) sum.pods.push(...(group['pods'] as unknown[]))
  const below = Array.isArray(group['groups']) ? (group['groups'] as unknown[]) : []
  for (const one of below) count(one, sum, depth + 1)
}

function pods(value: unknown): Understood {
  const read = readPods(value)
  const found = read.apps ?? []
  const { apps: podCount, ...more } = appCounts(found)
  return {
    counts: {
      pods: podCount,
      ...more,
      ...(read.ends.length > 0 ? { 'ends of tasks': read.ends.length } : {}),
    },
    problems: read.problems,
    identities: identitiesOfApps(found),
    listed: { there: Array.isArray(value) ? value.length : 1, read: found.length },
  }
}

function tasks(value: unknown): Understood {
  const { tasks: read = [], problems } = readTasks(value)
  const there = has(value, 'task') ? 1 : countIn(value, 'tasks')
  const identities = identitiesOfTasks(read)
  const listed = { there, read: read.length }
  return { counts: { tasks: read.length }, problems, identities, listed }
}

function deployments(value: unknown): Understood {
  const { deployments: read = [], problems } = readDeployments(value)
  return {
    counts: { deployments: read.length },
    problems,
    listed: { there: (value as unknown[]).length, read: read.length },
  }
}

function queue(value: unknown): Understood {
  const { queue: read = new Map<string, unknown>(), problems } = readQueue(value)
  return { counts: { 'services that wait': read.size }, problems }
}

function info(value: unknown): Understood {
  const { info: read, problems } = readInfo(value)
  const who = [read?.version, read?.leader].filter((part) => part !== undefined)
  return { counts: {}, problems, ...(read ? { words: `Marathon ${who.join(', leader ')}` } : {}) }
}

function ofEvents(read: readonly EventRead[]): Understood {
  const events = read.flatMap(({ event }) => event ?? [])
  return {
    counts: {
      events: events.length,
      'that tell something': events.filter(({ kind }) => kind !== 'noise' && kind !== 'hint')
        .length,
    },
    problems: read.flatMap(({ problems }): Problem[] => problems),
    identities: identitiesOfEvents(events),
    listed: { there: read.length, read: events.length },
  }
}

/** Undefined where it is no stream of events. */
export function readSse(bytes: Buffer): Understood | undefined {
  if (!/^(event|data|id|:)\s?:?.*\r?$/m.test(bytes.toString('latin1', 0, 4096))) return undefined
  if (!/^data:/m.test(bytes.toString('latin1'))) return undefined
  const sse = openSse({ maxLength: 16 * 2 ** 20 })
  const messages = []
  for (let at = 0; at < bytes.length; at += 61)
    messages.push(...sse.feed(bytes.subarray(at, at + 61)))
  return ofEvents(messages.map(readMessage))
}

const isEvent = (one: unknown) => has(one, 'eventType')
const isDeployment = (one: unknown) => has(one, 'id', 'affectedApps') || has(one, 'id', 'steps')
const isPod = (one: unknown) =>
  has(one, 'id') && (Array.isArray(one['containers']) || has(one, 'spec'))
const isApp = (one: unknown) =>
  has(one, 'id') &&
  ['cmd', 'args', 'instances', 'cpus', 'container', 'mem'].some((key) => has(one, key))
const isApps = (value: unknown) =>
  ['apps', '*'].some((key) => has(value, key) && Array.isArray(value[key])) || has(value, 'app')

/** Kinds of answers, the narrower ones first. */
export const marathonKinds: readonly Kind[] = [
  {
    fits: (value) => isListOf(value, isEvent),
    read: (value) => ofEvents((value as unknown[]).map(readEvent)),
  },
  { fits: isEvent, read: (value) => ofEvents([readEvent(value)]) },
  { fits: (value) => isListOf(value, isDeployment), read: deployments },
  { fits: (value) => isListOf(value, isPod), read: pods },
  { fits: (value) => isListOf(value, isApp), read: definitions },
  { fits: (value) => has(value, 'groups'), read: groups },
  { fits: isApps, read: apps },
  { fits: (value) => has(value, 'queue') && !has(value, 'id'), read: queue },
  // An app may be answered with its tasks.
  {
    fits: (value) => !has(value, 'id') && (has(value, 'task') || has(value, 'tasks')),
    read: tasks,
  },
  { fits: isPod, read: pods },
  { fits: isApp, read: apps },
  { fits: (value) => has(value, 'frameworkId') || has(value, 'leader'), read: info },
]

/** Requests with their answers, of which each is read as it would come. */
export function readPairs(value: unknown): { understood: Understood; unread: number } | undefined {
  if (!isListOf(value, (one) => has(one, 'uri', 'method'))) return undefined
  const bodies = value.flatMap((one) => (has(one, 'body') ? [one['body']] : []))
  const read = bodies.map((body) => readAs([...marathonKinds, refusals], body))
  const understood = read.filter((one) => one !== undefined)
  const all = together(understood)
  return {
    understood: { ...all, counts: { answers: understood.length, ...all.counts } },
    unread: value.length - understood.length,
  }
}

/** A refusal says why, in its own words. */
export const refusals: Kind = {
  fits: (value) => has(value, 'message') && typeof value['message'] === 'string',
  read: (value) => ({
    counts: {},
    problems: [],
    words: `a refusal: ${(value as { message: string }).message.slice(0, 120)}`,
  }),
}

/** Bodies of refusals by their status. */
export const refusalsByStatus: Kind = {
  fits: (value) =>
    isRecord(value) &&
    Object.keys(value).length > 0 &&
    Object.keys(value).every((key) => /^[45]\d\d$/.test(key)),
  read(value) {
    const bodies = Object.values(value as Record<string, unknown>).flat()
    const read = bodies.filter((body) => refusals.fits(body))
    return {
      counts: { refusals: read.length },
      problems: [],
      listed: { there: bodies.length, read: read.length },
    }
  },
}

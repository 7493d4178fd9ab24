import { Trouble } from '../errors.ts'
import { isoToMs } from '../event.ts'
import { identityFields, identityFromEcs } from '../identity.ts'
import type { Store, StoredDoc } from '../store/store.ts'
import type { AskChanges } from './around.ts'
import { deploymentBefore, nthDeath, type DeploymentBefore } from './around.ts'
import { readEnd, type EndFacts } from './facts.ts'

/** All that is known of one end of a task. */
export interface PostMortem extends EndFacts {
  /** Of its change. */
  id: string
  /** Of its service within ten minutes, this one with it. */
  nthDeath?: number
  deployment?: DeploymentBefore
  /** Its last ones, at most a hundred, oldest first. */
  lines: { time?: string; message: string }[]
}

/** One task whose id a person can have meant. */
export interface TaskMatch {
  task: string
  service?: string
  atMs: number
  message: string
}

export interface Found {
  /** Undefined where there is none, or more than one. */
  postMortem?: PostMortem
  /** Newest end first; each task once. */
  matches: TaskMatch[]
}

export type PostMortemStore = Pick<Store, 'docs' | 'search'>

const lineCount = 100
const dayMs = 86_400_000
const maxEnds = 200

/** The post-mortem of the task that is meant: see {@link endsOf}. A task that ended more than once: of its last end. */
export async function findPostMortem(store: PostMortemStore, name: string): Promise<Found> {
  const ends = await endsOf((query) => store.docs('changes', query), name)
  const matches = matchesIn(ends)
  const [newest] = ends
  if (!newest || matches.length > 1) return { matches }
  const postMortem = await postMortemOf(store, newest)
  return { matches, ...(postMortem ? { postMortem } : {}) }
}

/**
 * Ends of the task of that very id, newest first; else of all whose task's id begins or ends so, or has a part that does (as people
 * are shown the beginning of the UUID), or whose container's id begins or ends so.
 */
export async function endsOf(ask: AskChanges, name: string): Promise<StoredDoc[]> {
  if (!/^[\w.:@+-]{1,300}$/.test(name)) {
    throw new Trouble(`"${name.slice(0, 60)}" is no id of a task or container`, {
      remedy: 'give an id, its beginning or its ending, without wildcards',
    })
  }
  const exact = await ask({ kinds: ['task'], task: name, limit: maxEnds })
  if (exact.length > 0) return exact
  const id = name.replaceAll(/[.+]/g, '\\$&')
  // The query language takes one regular expression a query.
  const queries = [`task:/(?:^|[._-])${id}|${id}$/`, `container:/^${id}|${id}$/`]
  const found = await Promise.all(
    queries.map((query) => ask({ kinds: ['task'], query, limit: maxEnds })),
  )
  const ends = new Map(found.flat().map((doc) => [doc['event.id'], doc]))
  return [...ends.values()].toSorted((a, b) => (a['@timestamp'] < b['@timestamp'] ? 1 : -1))
}

function taskOf(doc: StoredDoc): string {
  const { task, container } = identityFromEcs(doc)
  return task ?? container ?? doc['event.id']
}

function matchesIn(ends: readonly StoredDoc[]): TaskMatch[] {
  const byTask = new Map<string, TaskMatch>()
  for (const doc of ends) {
    const task = taskOf(doc)
    if (byTask.has(task)) continue
    const service = doc[identityFields.service]
    byTask.set(task, {
      task,
      ...(typeof service === 'string' ? { service } : {}),
      atMs: isoToMs(doc['@timestamp']),
      message: typeof doc['message'] === 'string' ? doc['message'] : '',
    })
  }
  return [...byTask.values()]
}

async function postMortemOf(
  store: PostMortemStore,
  doc: StoredDoc,
): Promise<PostMortem | undefined> {
  const facts = readEnd(doc)
  if (!facts) return undefined
  const ask: AskChanges = (query) => store.docs('changes', query)
  const [nth, deployment, lines] = await Promise.all([
    nthDeath(ask, facts),
    deploymentBefore(ask, facts),
    linesOf(store, facts),
  ])
  return {
    id: doc['event.id'],
    ...facts,
    ...(nth === undefined ? {} : { nthDeath: nth }),
    ...(deployment ? { deployment } : {}),
    lines: lines.length > 0 ? lines : keptLines(doc),
  }
}

/** Up to its end: an id may be used again. */
async function linesOf(store: PostMortemStore, { identity, atMs }: EndFacts) {
  const { service, task, container } = identity
  const name = task ?? container
  if (name === undefined) return []
  const { hits } = await store.search({
    ...(service === undefined ? {} : { services: [service] }),
    query: `${task === undefined ? 'container' : 'task'}:"${name.replace(/["\\]/g, '\\$&')}"`,
    from: atMs - dayMs,
    to: atMs + 1000,
    limit: lineCount,
  })
  return hits
    .toReversed()
    .map(({ '@timestamp': time, message }): PostMortem['lines'][number] => ({ time, message }))
}

/** As they were kept with its end, where they cannot be searched any more. */
function keptLines(doc: StoredDoc): PostMortem['lines'] {
  const lines = doc['task.last_lines']
  if (!Array.isArray(lines)) return []
  return lines.flatMap((message) => (typeof message === 'string' ? [{ message }] : []))
}

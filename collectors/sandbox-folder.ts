import { lstatSync, readdirSync, realpathSync, type Stats } from 'node:fs'
import { dirname, join } from 'node:path'
import { errorCode, Trouble } from '../pipeline/errors.ts'

/** A container's sandbox, as its path tells it. Frameworks and tasks choose most of these names. */
export interface SandboxRun {
  /** Below `slaves/`; tells it from all others. */
  path: string
  /** Its directory, without links on the way. */
  dir: string
  agentId: string
  frameworkId: string
  executorId: string
  containerId: string
  /** Ids of the containers around it, the outermost first. */
  parents: readonly string[]
}

/**
 * `live`: something is going on in it, or may begin at any time. `quiet`: nothing has happened for a while; containers
 * within it are looked for less often. `over`: nothing will happen any more.
 */
export type RunState = 'live' | 'quiet' | 'over'

/** A directory of directories, each of which is a step to the next one: `executors/<id>/runs`. */
export interface Folder {
  path: string
  depth: number
  /** Names on the way: agent, framework, executor, container and those within it. */
  ids: readonly string[]
  parent: Folder | undefined
  /** What is in it: by name the folder of interest within. */
  entries: Map<string, Folder>
  /** The run in which this is the folder of nested containers. */
  run: SandboxRun | undefined
  state: RunState
  /** Not made later than that: when something came or went last in the folder above, before it was found. */
  sinceMs: number
  /** Changes when something comes or goes in it. */
  stamp: string
  /** It changed just now: it may change again within the same tick of the file system's clock. */
  isFresh: boolean
  dueMs: number
  /** Runs below it that are live. */
  live: number
}

const levels = ['slaves', 'frameworks', 'executors', 'runs', 'containers'] as const
/** In these the entries are runs. */
export const runsDepth = levels.indexOf('runs')

function openFolder(
  path: string,
  { ids, sinceMs, parent }: { ids: readonly string[]; sinceMs: number; parent?: Folder },
): Folder {
  return {
    path,
    depth: ids.length,
    ids,
    parent,
    entries: new Map(),
    run: undefined,
    state: 'live',
    sinceMs,
    stamp: '',
    isFresh: false,
    dueMs: 0,
    live: 0,
  }
}

/** Of all sandboxes of an agent. Throws a retryable Trouble where it is not there. */
export function openRoot(workDir: string, sinceMs: number): Folder {
  const path = join(workDir, levels[0])
  try {
    return openFolder(realpathSync(path), { ids: [], sinceMs })
  } catch (error) {
    throw unlistable(path, error, 0)
  }
}

/** The folder within an entry, which is a run where they are runs. */
export function openEntry(folder: Folder, name: string, sinceMs: number): Folder {
  const dir = join(folder.path, name)
  const ids = [...folder.ids, name]
  const inner = levels[Math.min(ids.length, levels.length - 1)] as string
  const entry = openFolder(join(dir, inner), { ids, sinceMs, parent: folder })
  if (ids.length > runsDepth) entry.run = runAt(dir, entry)
  return entry
}

function runAt(dir: string, { ids, parent }: Folder): SandboxRun {
  const [agentId = '', frameworkId = '', executorId = '', ...containers] = ids
  let root = parent
  while (root?.parent) root = root.parent
  return {
    path: dir.slice((root as Folder).path.length + 1),
    dir,
    agentId,
    frameworkId,
    executorId,
    containerId: containers.at(-1) as string,
    parents: containers.slice(0, -1),
  }
}

/** Undefined where no directory is there, or may be seen. */
export function directoryAt(path: string): Stats | undefined {
  try {
    const stat = lstatSync(path, { throwIfNoEntry: false })
    return stat?.isDirectory() ? stat : undefined
  } catch {
    return undefined
  }
}

/** Names of the directories in it; links, as `latest`, are none. Throws a retryable Trouble. */
export function directoriesIn({ path, depth }: Folder): string[] {
  try {
    const entries = readdirSync(path, { withFileTypes: true })
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name)
  } catch (error) {
    if (depth > 0 && errorCode(error) === 'ENOENT') return []
    throw unlistable(path, error, depth)
  }
}

function unlistable(path: string, cause: unknown, depth: number): Trouble {
  const code = errorCode(cause)
  const remedy =
    depth === 0 ? `is ${dirname(path)} the --work_dir of a Mesos agent?` : 'look at its disk'
  return new Trouble(`${path} cannot be listed (${code ?? String(cause)})`, {
    remedy: code === 'EACCES' ? 'run as root' : remedy,
    retryable: true,
    cause,
  })
}

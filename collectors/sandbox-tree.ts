import { lstatSync, readdirSync, realpathSync, type Stats } from 'node:fs'
import { dirname, join } from 'node:path'
import { errorCode, explain, Trouble } from '../pipeline/errors.ts'
import { openWatchHints } from './watch-hints.ts'

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

/** Sandboxes below an agent's `--work_dir`, also of containers within containers. */
export interface SandboxTree {
  /**
   * The runs that came and went since the last look. Directories that did not change are not read, those in which nothing
   * goes on not even looked at, so that a look costs little among thousands of old runs. Throws a retryable Trouble
   * where the agent's directory cannot be listed; what came until then is told by the next look.
   */
  look(nowMs: number): { found: SandboxRun[]; gone: SandboxRun[] }
  /** A run that was found is `live`. */
  setState(run: SandboxRun, state: RunState, nowMs: number): void
  /** What was left out, with the remedy. */
  trouble(): string | undefined
  close(): void
}

/** A directory of directories, each of which is a step to the next one: `executors/<id>/runs`. */
interface Folder {
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
const runsDepth = levels.indexOf('runs')
/** Mesos knows containers within containers; each level is made by hand, so there are few. */
const maxDepth = runsDepth + 8
/** A task may make directories in its sandbox as it likes. */
const maxEntries = 20_000
const freshMs = 2_000
const youngMs = 10_000
const dayMs = 86_400_000

/** How often to look at what has not changed for so long, ms. */
export const lookAgainMs = (sinceMs: number) => Math.min(60_000, Math.max(1_000, sinceMs / 100))

export function openSandboxTree({
  workDir,
  onHint,
}: {
  workDir: string
  onHint(): void
}): SandboxTree {
  const hints = openWatchHints()
  const folders = new Map<SandboxRun, Folder>()
  const faults = new Map<string, string>()
  let root: Folder | undefined
  let owner = 0
  let found: SandboxRun[] = []
  let gone: SandboxRun[] = []

  function openFolder(path: string, ids: readonly string[], sinceMs: number, parent?: Folder) {
    const folder: Folder = {
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
    return folder
  }

  /** Those of an agent that came back under another id stay below the same root. */
  function currentRoot(nowMs: number): Folder {
    const path = realPath(join(workDir, 'slaves'))
    if (root?.path !== path) {
      if (root) forget(root)
      root = openFolder(path, [], nowMs)
    }
    owner = lstatSync(path).uid
    return root
  }

  function visit(folder: Folder, nowMs: number): void {
    if (nowMs >= folder.dueMs) refresh(folder, nowMs)
    for (const entry of folder.entries.values()) {
      if (entry.state !== 'over' || entry.live > 0) visit(entry, nowMs)
    }
  }

  function refresh(folder: Folder, nowMs: number): void {
    const stat = statOf(folder)
    const changedMs = stat?.mtimeMs ?? folder.sinceMs
    watchIf(folder, stat !== undefined && isOfInterest(folder, nowMs - changedMs))
    const stamp = stat ? `${stat.dev}:${stat.ino}:${stat.mtimeMs}` : ''
    if (stamp !== folder.stamp || folder.isFresh) {
      compare(folder, stat ? list(folder) : [], Math.min(nowMs, changedMs))
    }
    folder.stamp = stamp
    folder.isFresh = stat !== undefined && nowMs - changedMs < freshMs
    const isYoung = nowMs - changedMs < youngMs
    const isLive = folder.live > 0 || (folder.run !== undefined && folder.state === 'live')
    const isAlways = folder.depth < 2 || isLive || isYoung
    folder.dueMs = isAlways ? 0 : nowMs + lookAgainMs(nowMs - changedMs)
  }

  /** In `runs` something new comes but rarely. */
  function isOfInterest({ depth, live, run }: Folder, unchangedMs: number): boolean {
    if (depth < 2 || run) return true
    return depth < runsDepth && (live > 0 || unchangedMs < dayMs)
  }

  function watchIf(folder: Folder, isWanted: boolean): void {
    if (!isWanted) return hints.unwatch(folder.path)
    hints.watch(folder.path, () => {
      folder.dueMs = 0
      onHint()
    })
  }

  /**
   * Undefined where it is not there. In its own sandbox a task may make anything, also what looks like containers of
   * others within it; the folder of real ones is made by the agent, whoever the task's user is.
   */
  function statOf({ path, run }: Folder): Stats | undefined {
    const stat = lstatQuietly(path)
    if (!stat?.isDirectory()) return undefined
    if (!run || stat.uid === owner) return stat
    faults.set(path, `${path} is not read: it was not made by the agent but by user ${stat.uid}`)
    return undefined
  }

  function list({ path, depth }: Folder): string[] | undefined {
    try {
      const entries = readdirSync(path, { withFileTypes: true })
      faults.delete(path)
      // `latest` is a link.
      return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name)
    } catch (error) {
      if (depth === 0) throw unlistable(path, error)
      if (errorCode(error) === 'ENOENT') return []
      faults.set(path, explain(unlistable(path, error)))
      return undefined
    }
  }

  function compare(folder: Folder, names: string[] | undefined, sinceMs: number): void {
    if (!names) return
    const there = new Set(names)
    for (const [name, entry] of folder.entries) {
      if (there.has(name)) continue
      folder.entries.delete(name)
      forget(entry)
    }
    for (const name of there) if (!folder.entries.has(name)) add(folder, name, sinceMs)
  }

  function add(folder: Folder, name: string, sinceMs: number): void {
    const dir = join(folder.path, name)
    if (name.includes('\ufffd')) {
      faults.set(folder.path, `${dir} is not read: its name is not UTF-8`)
    } else if (folder.run && folder.entries.size >= maxEntries) {
      faults.set(
        folder.path,
        `${folder.path} has more than ${maxEntries} entries: some are not read`,
      )
    } else if (folder.depth < maxDepth) {
      const ids = [...folder.ids, name]
      const inner = levels[Math.min(ids.length, levels.length - 1)] as string
      const entry = openFolder(join(dir, inner), ids, sinceMs, folder)
      folder.entries.set(name, entry)
      if (ids.length > runsDepth) meet(entry, dir)
    }
  }

  function meet(folder: Folder, dir: string): void {
    const [agentId = '', frameworkId = '', executorId = '', ...containers] = folder.ids
    const containerId = containers.at(-1) as string
    const parents = containers.slice(0, -1)
    const path = dir.slice((root as Folder).path.length + 1)
    folder.run = { path, dir, agentId, frameworkId, executorId, containerId, parents }
    folders.set(folder.run, folder)
    countLive(folder.parent, 1)
    found.push(folder.run)
  }

  function forget(folder: Folder): void {
    hints.unwatch(folder.path)
    faults.delete(folder.path)
    for (const entry of folder.entries.values()) forget(entry)
    const { run } = folder
    if (!run) return
    if (folder.state === 'live') countLive(folder.parent, -1)
    folders.delete(run)
    gone.push(run)
  }

  function countLive(above: Folder | undefined, more: number): void {
    for (let folder = above; folder; folder = folder.parent) {
      folder.live += more
      if (more > 0) folder.dueMs = 0
    }
  }

  return {
    look(nowMs) {
      visit(currentRoot(nowMs), nowMs)
      const news = { found, gone }
      found = []
      gone = []
      return news
    },
    setState(run, state, nowMs) {
      const folder = folders.get(run)
      if (!folder || folder.state === state) return
      const before = Number(folder.state === 'live')
      const now = Number(state === 'live')
      folder.state = state
      if (before !== now) countLive(folder.parent, now - before)
      if (now) folder.dueMs = 0
      if (state !== 'over') return
      // What came while it was quiet.
      refresh(folder, nowMs)
      hints.unwatch(folder.path)
    },
    trouble: () => faults.values().next().value,
    close: () => hints.close(),
  }
}

function lstatQuietly(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false })
  } catch {
    return undefined
  }
}

/** Throws a Trouble if it is not there. */
function realPath(path: string): string {
  try {
    return realpathSync(path)
  } catch (error) {
    throw unlistable(path, error)
  }
}

function unlistable(path: string, cause: unknown): Trouble {
  const code = errorCode(cause)
  return new Trouble(`${path} cannot be listed (${code ?? String(cause)})`, {
    remedy:
      code === 'EACCES' ? 'run as root' : `is ${dirname(path)} the --work_dir of a Mesos agent?`,
    retryable: true,
    cause,
  })
}

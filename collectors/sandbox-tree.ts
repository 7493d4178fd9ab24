import { explain } from '../pipeline/errors.ts'
import {
  directoriesIn,
  directoryAt,
  openEntry,
  openRoot,
  runsDepth,
  type Folder,
  type RunState,
  type SandboxRun,
} from './sandbox-folder.ts'
import { openWatchHints } from './watch-hints.ts'

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
  /** Who the agent runs as. */
  let owner: number | undefined
  let found: SandboxRun[] = []
  let gone: SandboxRun[] = []

  /** Those of an agent that came back under another id stay below the same root. */
  function currentRoot(nowMs: number): Folder {
    const now = openRoot(workDir, nowMs)
    if (root?.path !== now.path) {
      if (root) forget(root)
      root = now
    }
    owner = directoryAt(root.path)?.uid
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
   * In its own sandbox a task may make anything, also what looks like containers of others within it; the folder of real
   * ones is made by the agent, whoever the task's user is.
   */
  function statOf({ path, run }: Folder) {
    const stat = directoryAt(path)
    if (!stat || !run || stat.uid === owner) return stat
    faults.set(path, `${path} is not read: it was not made by the agent but by user ${stat.uid}`)
    return undefined
  }

  function list(folder: Folder): string[] | undefined {
    try {
      faults.delete(folder.path)
      return directoriesIn(folder)
    } catch (error) {
      if (folder.depth === 0) throw error
      faults.set(folder.path, explain(error))
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
    const { path, entries, depth, run } = folder
    if (name.includes('\ufffd')) {
      faults.set(path, `${path}/${name} is not read: its name is not UTF-8`)
    } else if (run && entries.size >= maxEntries) {
      faults.set(path, `${path} has more than ${maxEntries} entries: some are not read`)
    } else if (depth < maxDepth) {
      const entry = openEntry(folder, name, sinceMs)
      entries.set(name, entry)
      if (entry.run) meet(entry, entry.run)
    }
  }

  function meet(folder: Folder, run: SandboxRun): void {
    folders.set(run, folder)
    countLive(folder.parent, 1)
    found.push(run)
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

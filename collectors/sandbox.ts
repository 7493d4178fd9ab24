import { hostname } from 'node:os'
import type { Clock } from '../pipeline/clock.ts'
import { explain } from '../pipeline/errors.ts'
import { streams } from '../pipeline/event.ts'
import type { Logger } from '../pipeline/log.ts'
import type { Metrics } from '../pipeline/metrics.ts'
import type { CollectedContainers } from './collected-containers.ts'
import type { EventOptions } from './docker-streams.ts'
import { unreadChange } from './gaps.ts'
import { openPump } from './pump.ts'
import type { StoredFile } from './sandbox-file.ts'
import { openSandboxMeta } from './sandbox-meta.ts'
import { fileKey, leftKey, openSandboxRun, type OpenRun } from './sandbox-run.ts'
import type { SandboxRun } from './sandbox-folder.ts'
import { openSandboxTree } from './sandbox-tree.ts'
import type { Collector, Sink } from './sink.ts'
import { openWatchHints } from './watch-hints.ts'

export interface SandboxCollectorOptions extends EventOptions {
  /** Part of the keys of its positions: must not change between starts. */
  name: string
  /** The agent's `--work_dir`. */
  workDir: string
  cluster?: string | undefined
  /** Containers whose logs are read from Docker: their sandboxes are left out. Undefined where Docker is not collected. */
  docker?: CollectedContainers | undefined
  sink: Sink
  clock: Clock
  metrics: Metrics
  log: Logger
  /** How long a run with positions must be away before they are forgotten, ms. */
  forgetMs?: number
}

const idleMs = { awaited: 20, usual: 100 }
/** So many files are open at a time, beside those that are written to. */
const maxOpen = 400

/**
 * Collects what Mesos' containers print: `stdout` and `stderr` of their sandboxes on this agent's disk, through their
 * rotations, also of containers in pods, and of those that have ended. Never fails because a directory is away or
 * forbidden: that is retried for ever and told by `trouble()`.
 */
export function openSandboxCollector(options: SandboxCollectorOptions): Promise<Collector> {
  const { name, workDir, sink, clock, metrics, log, forgetMs = 60_000 } = options
  const onHint = () => pump.wake(true)
  const tree = openSandboxTree({ workDir, onHint })
  const meta = openSandboxMeta(workDir)
  const hints = openWatchHints()
  const host = hostname()
  /** Runs of which something may still come, by path. */
  const runs = new Map<string, OpenRun>()
  /** Those whose directory is gone, until what was open is read. */
  const leaving = new Map<string, OpenRun>()
  /** Runs with positions that are not there, by path: not found since the start, or (seen) gone. */
  const missing = new Map<string, { sinceMs: number; isSeen: boolean }>()
  let listTrouble: string | undefined
  let isAwaiting = false

  const pump = openPump({
    name,
    sink,
    clock,
    metrics,
    log,
    discover: (nowMs) => Promise.resolve(discover(nowMs)),
    idleMs: () => (isAwaiting ? idleMs.awaited : idleMs.usual),
  })

  /** False while not all that there is can be read, or seen. */
  function discover(nowMs: number): boolean {
    try {
      const { found, gone } = tree.look(nowMs)
      for (const run of gone) lose(run, nowMs)
      for (const run of found) meet(run, nowMs)
      listTrouble = undefined
    } catch (error) {
      listTrouble = explain(error)
    }
    for (const [path, run] of leaving) if (run.isClosed()) leaving.delete(path)
    let hasQueued = false
    isAwaiting = false
    for (const run of runs.values()) {
      if (nowMs < run.dueMs()) continue
      update(run, nowMs)
      hasQueued ||= run.isQueued()
      isAwaiting ||= run.isAwaited(nowMs)
    }
    if (hasQueued) pump.wake(true)
    if (listTrouble === undefined) forgetMissing(nowMs)
    return !hasQueued && listTrouble === undefined
  }

  function meet(run: SandboxRun, nowMs: number): void {
    missing.delete(run.path)
    leaving.get(run.path)?.shut()
    leaving.delete(run.path)
    if (isDone(run)) return tree.setState(run, 'over', nowMs)
    const opened = openSandboxRun({
      ...options,
      run,
      foundMs: nowMs,
      hostname: host,
      meta,
      inputs: pump.inputs,
      hints,
      put: pump.put,
      onHint,
      onBytes: (bytes) => metrics.collected_bytes_total.inc({ collector: name }, bytes),
    })
    runs.set(run.path, opened)
  }

  /** All of it was read before, or is somebody else's. */
  function isDone({ path }: SandboxRun): boolean {
    if (sink.position(leftKey(name, path))) return true
    return streams.every((stream) => (positionOf(path, stream) as StoredFile | undefined)?.over)
  }

  const positionOf = (path: string, stream: (typeof streams)[number]) =>
    sink.position(fileKey(name, path, stream))

  function update(opened: OpenRun, nowMs: number): void {
    const state = opened.update(nowMs, () => pump.inputs.size < maxOpen)
    tree.setState(opened.run, state, nowMs)
    if (state === 'over') runs.delete(opened.run.path)
  }

  /** Its directory is gone. */
  function lose({ path }: SandboxRun, nowMs: number): void {
    const opened = runs.get(path)
    runs.delete(path)
    opened?.gone()
    if (opened && !opened.isClosed()) leaving.set(path, opened)
    missing.set(path, { sinceMs: nowMs, isSeen: true })
  }

  /** A disk may be away for a moment; and of what was removed while nobody was here not all may have been read. */
  function forgetMissing(nowMs: number): void {
    for (const [path, { sinceMs, isSeen }] of missing) {
      if (nowMs - sinceMs < forgetMs || leaving.has(path)) continue
      missing.delete(path)
      const keys = keysOf(path)
      if (!isSeen) for (const key of keys) tellUnread(key, path, nowMs)
      const positions = Object.fromEntries(keys.map((key) => [key, null]))
      if (keys.length > 0) pump.put({ positions })
    }
  }

  function keysOf(path: string): string[] {
    const keys = [leftKey(name, path), ...streams.map((stream) => fileKey(name, path, stream))]
    return keys.filter((key) => sink.position(key) !== undefined)
  }

  function tellUnread(key: string, path: string, nowMs: number): void {
    const { over, file, state } = (sink.position(key) ?? {}) as StoredFile
    if (over || !file || !state) return
    const about = { source: key, name: `the sandbox ${path}`, identity: { agent: host } }
    const read = { at: file.at, lastTime: state.time }
    pump.put({ changes: [unreadChange({ ...about, ...read }, nowMs)] })
  }

  for (const kind of ['file', 'left'] as const) {
    const prefix = `${name}:${kind}:`
    for (const key of sink.positions(prefix)) {
      const rest = key.slice(prefix.length)
      const path = kind === 'left' ? rest : rest.slice(0, rest.lastIndexOf('/'))
      missing.set(path, { sinceMs: clock.now(), isSeen: false })
    }
  }

  return Promise.resolve({
    name,
    through: () => pump.through(),
    trouble: () => listTrouble ?? tree.trouble() ?? pump.trouble(),
    lags: pump.lags,
    async close() {
      tree.close()
      hints.close()
      await pump.close()
    },
  })
}

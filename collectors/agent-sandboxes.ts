import type { Clock } from '../pipeline/clock.ts'
import { explain, Trouble } from '../pipeline/errors.ts'
import { streams } from '../pipeline/event.ts'
import type { HttpClient } from '../pipeline/http.ts'
import type { Logger } from '../pipeline/log.ts'
import type { Metrics } from '../pipeline/metrics.ts'
import { openAgentFiles } from './agent-files.ts'
import { openAgentSandboxRun, type AgentSandboxRun } from './agent-sandbox-run.ts'
import type { CollectedContainers } from './collected-containers.ts'
import type { EventOptions } from './docker-streams.ts'
import { unreadChange } from './gaps.ts'
import { readAgentState, type AgentState } from './mesos-state.ts'
import { openMisunderstood } from './misunderstood.ts'
import { openPump } from './pump.ts'
import { runsIn, type ListedRun } from './remote-runs.ts'
import type { StoredFile } from './sandbox-file.ts'
import { sandboxIdentity } from './sandbox-identity.ts'
import { fileKey } from './sandbox-run.ts'
import type { Collector, Sink } from './sink.ts'
import { wishesOf } from './wishes.ts'

export interface AgentSandboxesOptions extends EventOptions {
  /** Part of the keys of its positions: must not change between starts. */
  name: string
  /** Closed with the collector. */
  client: HttpClient
  /** Where the agent listens. */
  place: string
  cluster?: string | undefined
  /** Containers whose logs are read from Docker. Undefined where Docker is not collected. */
  docker?: CollectedContainers | undefined
  sink: Sink
  clock: Clock
  metrics: Metrics
  log: Logger
  /** How long a run with positions must be away before they are forgotten, ms. */
  forgetMs?: number
}

const stateMs = 2_000
/** A share of the time at most is spent on the agent's state, which may be large. */
const rest = 5
const runMs = 20

/**
 * Collects what Mesos' containers print through the agent's `/files`: where no collector runs on its machine. One request
 * at a time; the events are those that reading its disk gives. Never fails because the agent is away, or refuses: that
 * is told by `trouble()`, and tried again.
 */
export function openAgentSandboxes(options: AgentSandboxesOptions): Promise<Collector> {
  const { name, place, client, cluster, sink, clock, metrics, log } = options
  const { docker, forgetMs = 600_000 } = options
  const agent = `the Mesos agent at ${place}`
  const files = openAgentFiles(client, agent, clock)
  const misunderstood = openMisunderstood({ name, cluster, clock, metrics, log })
  /** Runs of which something may still come, by path. */
  const runs = new Map<string, { opened: AgentSandboxRun; isOver: boolean }>()
  /** All of them was read, or is read by somebody else. */
  const done = new Set<string>()
  /** Runs with positions that the agent does not list (yet). */
  const missing = new Map<string, number>()
  let stateTrouble: string | undefined
  let stateDueMs = 0

  const pump = openPump({
    name,
    sink,
    clock,
    metrics,
    log,
    discover,
    discoverMs: 250,
    idleMs: () => 100,
  })

  /** True if all that was there by now is known. */
  async function discover(nowMs: number): Promise<boolean> {
    const isAsked = nowMs >= stateDueMs
    if (isAsked) await readState(nowMs)
    for (const [path, { opened, isOver }] of runs) {
      if (!opened.update(nowMs, { isOver })) continue
      runs.delete(path)
      done.add(path)
    }
    if (stateTrouble === undefined) forgetMissing(nowMs)
    return isAsked && stateTrouble === undefined
  }

  async function readState(nowMs: number): Promise<void> {
    try {
      const state = readAgentState(await files.state())
      pump.put({ changes: misunderstood.note('state', state.problems) })
      compare(state, nowMs)
      stateTrouble = undefined
    } catch (error) {
      stateTrouble = error instanceof Trouble ? explain(error) : `${agent}: ${explain(error)}`
    }
    const endMs = clock.now()
    stateDueMs = endMs + Math.max(stateMs, rest * (endMs - nowMs))
  }

  function compare(state: AgentState, nowMs: number): void {
    const listed = new Map(runsIn(state).map((one) => [one.run.path, one]))
    for (const [path, one] of listed) {
      missing.delete(path)
      const known = runs.get(path)
      if (known) known.isOver = one.isOver
      else if (!done.has(path)) meet(one, state.hostname)
    }
    // What is not listed any more has ended; whether it is there still, its sandbox tells.
    for (const [path, known] of runs) if (!listed.has(path)) known.isOver = true
    for (const path of done) {
      if (listed.has(path)) continue
      done.delete(path)
      missing.set(path, nowMs)
    }
  }

  function meet(one: ListedRun, hostname = place): void {
    const { run, isOver, isCommand, isDockers, labels } = one
    if (docker && (isDockers || docker.has(run.containerId))) return void done.add(run.path)
    const identity = sandboxIdentity(run, { cluster, agent: hostname, isCommand, labels })
    if (wishesOf(identity).collect === false) return void done.add(run.path)
    const opened = openAgentSandboxRun({
      ...options,
      run,
      identity,
      files,
      inputs: pump.inputs,
      paceMs: () => runs.size * runMs,
      put: pump.put,
      onBytes: (bytes) => metrics.collected_bytes_total.inc({ collector: name }, bytes),
    })
    runs.set(run.path, { opened, isOver })
  }

  /** An agent that starts lists little at first. */
  function forgetMissing(nowMs: number): void {
    for (const [path, sinceMs] of missing) {
      if (nowMs - sinceMs < forgetMs) continue
      missing.delete(path)
      for (const stream of streams) forget(fileKey(name, path, stream), path, nowMs)
    }
  }

  function forget(key: string, path: string, nowMs: number): void {
    const stored = sink.position(key) as StoredFile | undefined
    if (!stored) return
    const { over, file, state } = stored
    const changes = []
    if (!over && file && state) {
      const about = { source: key, name: `the sandbox ${path}`, identity: { agent: place } }
      changes.push(unreadChange({ ...about, at: file.at, lastTime: state.time }, nowMs))
    }
    pump.put({ changes, positions: { [key]: null } })
  }

  const prefix = `${name}:file:`
  for (const key of sink.positions(prefix)) {
    missing.set(key.slice(prefix.length, key.lastIndexOf('/')), clock.now())
  }

  return Promise.resolve({
    name,
    through: () => pump.through(),
    trouble: () => stateTrouble ?? pump.trouble(),
    lags: pump.lags,
    async close() {
      const closed = pump.close()
      client.close()
      await closed
    },
  })
}

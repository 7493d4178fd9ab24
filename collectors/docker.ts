import { hostname } from 'node:os'
import type { Clock } from '../pipeline/clock.ts'
import { isoToNs, msToIso } from '../pipeline/event.ts'
import type { Identity } from '../pipeline/identity.ts'
import type { Logger } from '../pipeline/log.ts'
import type { Metrics } from '../pipeline/metrics.ts'
import type { CollectedContainers } from './collected-containers.ts'
import { openDockerApi, type DockerEvent } from './docker-api.ts'
import { diedChange } from './docker-changes.ts'
import { openDockerFile } from './docker-file.ts'
import { isForbidden, logPathOf, undescribed } from './docker-folder.ts'
import { openDockerFollow } from './docker-follow.ts'
import { unknownContainer } from './docker-identity.ts'
import { openDockerDescriptions, type Known } from './docker-known.ts'
import { openDockerOrphans } from './docker-orphans.ts'
import { openDockerRoot } from './docker-root.ts'
import { openDockerUnread } from './docker-unread.ts'
import { openDockerStats, type RunningContainer } from './docker-stats.ts'
import { lifeKeyOf, logKeyOf, type DockerPosition, type EventOptions } from './docker-streams.ts'
import { openDockerWatch } from './docker-watch.ts'
import { openFileSet } from './file-set.ts'
import { unreadChange } from './gaps.ts'
import { containerOfDockerName } from './mesos-task-id.ts'
import { openPostureTold } from './posture-told.ts'
import { openPump } from './pump.ts'
import type { Collector, Sink } from './sink.ts'

export interface DockerCollectorOptions extends EventOptions {
  /** Part of the keys of its positions: must not change between starts. */
  name: string
  /** Docker's `containers` folder. Without it the daemon is asked. */
  root?: string | undefined
  /** The daemon's socket; at least one of both. */
  socket?: string | undefined
  /** False: read no files, all over the API (slower, and a burden to the daemon). */
  files?: boolean
  /** The service of all these containers; without it each tells its own. */
  service?: string | undefined
  cluster?: string | undefined
  /** With a socket: also measure what the containers use. False unless set. */
  stats?: boolean
  /** How often, ms; 5 s unless set. */
  intervalMs?: number
  /** Where the Mesos ids of the containers are kept that are measured here. */
  measured?: Pick<Set<string>, 'add' | 'delete'>
  /** True: only containers whose label `mesoscope.logs` is true; else all but those where it is false. */
  optIn?: boolean
  /** Told of the Mesos ids of the containers whose logs are read here. */
  collected?: Pick<CollectedContainers, 'add'>
  sink: Sink
  clock: Clock
  metrics: Metrics
  log: Logger
  /** How long a container with a position must be away before its position is forgotten, ms. */
  forgetMs?: number
}

/** A container this young is looked at more often: it may be gone soon. */
const youngMs = 10_000
/** Docker writes the description of a container before its log. */
const describeMs = 2_000
const idleMs = { young: 20, usual: 100 }
const usualIntervalMs = 5_000

/**
 * Collects the logs, lives and identities of a Docker host's containers: files first, the API where a file cannot be
 * read. Never fails because a folder or the daemon is away: that is retried for ever and told by `trouble()`.
 */
export function openDockerCollector(options: DockerCollectorOptions): Promise<Collector> {
  const { name, sink, clock, metrics, log, files = true, forgetMs = 60_000 } = options
  const naming = { ...options, hostname: hostname() }
  const containers = new Map<string, Known>()
  /** Something can be measured only when the daemon has told more. */
  let isAwaited = true

  const logKey = (id: string) => logKeyOf(name, id)
  const lifeKey = (id: string) => lifeKeyOf(name, id)
  const api = options.socket === undefined ? undefined : openDockerApi(options.socket)
  const daemon =
    api &&
    openDockerWatch({
      api,
      clock,
      onNews() {
        pump.wake(true)
        if (isAwaited) stats?.wake()
        isAwaited = false
      },
      onEvent: (event) => onEvent(event),
    })

  const pump = openPump({
    name,
    sink,
    clock,
    metrics,
    log,
    async discover(nowMs) {
      const isComplete = discover(nowMs)
      await mounted.look(nowMs)
      return isComplete
    },
    idleMs: () => (hasYoung() ? idleMs.young : idleMs.usual),
  })

  const orphaned = { name, naming, sink, clock, put: pump.put, forgetMs }
  const forgetOrphans = openDockerOrphans(orphaned)
  const unread = openDockerUnread({ clock, put: pump.put })
  const folder = openDockerRoot(() => pump.wake(true))
  const postures = openPostureTold({ name, of: 'container', sink, clock })

  const descriptions = openDockerDescriptions({
    ...options,
    naming,
    daemon,
    postures,
    unread,
    put: pump.put,
  })

  const mounted = openFileSet({
    ...options,
    prefix: `${name}:mounted:`,
    wanted: () => [...containers.values()].flatMap((known) => known.mounted),
    pump,
    onBytes: (bytes) => metrics.collected_bytes_total.inc({ collector: name }, bytes),
    forgetMs,
  })

  const { intervalMs = usualIntervalMs, measured = new Set<string>() } = options
  const measuring = { name, intervalMs, measured, running, sink, clock, metrics, log }
  const stats = api && options.stats ? openDockerStats({ ...measuring, api }) : undefined

  /** Those whose limits are known, which the daemon alone tells. */
  function running(): RunningContainer[] {
    const listed = [...(daemon?.view()?.containers.values() ?? [])]
    return listed.flatMap((one): RunningContainer[] => {
      const known = one.running ? containers.get(one.id) : undefined
      if (!known) return []
      const inspected = daemon?.described(one.id)
      if (inspected) {
        return [{ id: one.id, identity: known.identity, hostConfig: inspected['HostConfig'] }]
      }
      isAwaited = true
      daemon?.want(one.id)
      return []
    })
  }

  function hasYoung(): boolean {
    const nowMs = clock.now()
    for (const { input, sinceMs } of containers.values()) {
      if (nowMs - sinceMs < youngMs && input?.idle()) return true
    }
    return false
  }

  /** True if the list of containers is complete as of now. */
  function discover(nowMs: number): boolean {
    const root = files ? (options.root ?? daemon?.root()) : undefined
    const folders = root === undefined ? undefined : folder.list(root)
    const listed = daemon?.view()?.containers
    for (const id of folders ?? []) update(id, root, nowMs)
    for (const id of listed?.keys() ?? []) if (!folders?.has(id)) update(id, undefined, nowMs)
    const isComplete = folders !== undefined || (listed !== undefined && !daemon?.trouble())
    if (isComplete) {
      for (const known of containers.values()) {
        const isThere = folders?.has(known.id) || listed?.has(known.id)
        if (!isThere) known.input?.gone()
        if (known.input && !pump.inputs.has(logKey(known.id))) forget(known)
        else if (!isThere && !known.input) forget(known)
      }
      forgetOrphans((id) => containers.has(id), nowMs)
      tellPostures(nowMs)
    }
    return isComplete
  }

  function update(id: string, root: string | undefined, nowMs: number) {
    const known = containers.get(id) ?? descriptions.meet(id, nowMs)
    containers.set(id, known)
    if (root !== undefined) descriptions.readFolder(known, root)
    if (known.version === undefined) descriptions.readInspected(known)
    descriptions.judgeInspected(known)
    tellUndescribed(known, root, nowMs)
    if (known.input?.idle() && !mayHaveFile(known)) {
      // It was taken for a file's before its description was there.
      pump.inputs.delete(logKey(id))
      known.input.close()
      delete known.input
    }
    if (!descriptions.isWanted(known)) return leaveOut(known)
    if (known.input) {
      tellCollected(known)
      const isRunning = daemon?.view()?.containers.get(id)?.running
      if (isRunning && 'running' in known.input) known.input.running()
      return
    }
    const input = openInput(known, root)
    if (!input) return
    known.input = input
    pump.inputs.set(logKey(id), input)
    tellCollected(known)
  }

  /** Its log is not read, and what it prints must not be read elsewhere either. */
  function leaveOut(known: Known) {
    const { id, input } = known
    tellCollected(known)
    if (!input) return
    pump.inputs.delete(logKey(id))
    input.close()
    delete known.input
    unread.leftOut(known)
  }

  function tellCollected({ identity }: Known) {
    const mesosId = containerOfDockerName(identity.containerName ?? '')
    if (mesosId !== undefined) options.collected?.add(mesosId)
  }

  /** Not of a container that is just being made, nor of a folder that was left without a log. */
  function tellUndescribed(known: Known, root: string | undefined, nowMs: number) {
    const { id, version, inspected, input, sinceMs } = known
    const isKnown = version !== undefined || inspected !== undefined || input === undefined
    const isOld = nowMs - sinceMs >= describeMs
    const fault = !isKnown && isOld && root && !input.idle() ? undescribed(root, id) : undefined
    unread.undescribed(id, fault)
  }

  function openInput(known: Known, root: string | undefined) {
    const { id } = known
    const path = root === undefined ? logPathOfInspected(known) : logPathOf(root, id)
    const isDescribed = known.version !== undefined || known.inspected !== undefined
    const shared = {
      ...options,
      key: logKey(id),
      container: id,
      identity: known.identity,
      position: sink.position(logKey(id)) as DockerPosition | undefined,
      onBytes: (bytes: number) => metrics.collected_bytes_total.inc({ collector: name }, bytes),
    }
    if (files && path !== undefined && mayHaveFile(known) && !(api && isForbidden(path))) {
      return openDockerFile({ ...shared, path })
    }
    if (api && isDescribed) {
      return openDockerFollow({ ...shared, api, tty: known.tty, wake: () => pump.wake() })
    }
    if (!api) unread.driver(known)
    return undefined
  }

  /** Where the daemon says that the file is, if it can be read there. */
  function logPathOfInspected({ id, inspected }: Known): string | undefined {
    const path = inspected?.['LogPath']
    if (typeof path !== 'string' || !path.endsWith(`/${id}-json.log`)) return undefined
    return isForbidden(path.slice(0, path.lastIndexOf('/'))) ? undefined : path
  }

  function onEvent(event: DockerEvent) {
    pump.wake(true)
    const wasSeen = containers.has(event.id) || sink.position(logKey(event.id)) !== undefined
    if (event.action !== 'destroy' || wasSeen || !daemon?.death(event.id)) return
    const identity = { ...unknownContainer(event.id, naming), ...namedBy(event) }
    const container = `container ${event.name ?? event.id.slice(0, 12)}`
    const about = { source: logKey(event.id), name: container, identity }
    pump.put({ changes: [unreadChange({ ...about, at: 0, lastTime: undefined }, clock.now())] })
  }

  let mayBeMissing = true
  /** Also of containers that were removed while nobody was here. */
  function tellPostures(nowMs: number) {
    pump.put(postures.due())
    if (!mayBeMissing || nowMs - startedMs < forgetMs) return
    mayBeMissing = false
    pump.put(postures.missing((id) => containers.has(id)))
  }

  /** Everything of it was read and it is gone. */
  function forget({ id, identity, told }: Known) {
    containers.delete(id)
    unread.forget(id)
    pump.put(postures.gone(id))
    const death = daemon?.death(id)
    const ns = death?.timeNs || isoToNs(msToIso(clock.now()))
    const code = Number.parseInt(death?.exitCode ?? '', 10)
    const exit = Number.isNaN(code) ? undefined : { code, oomKilled: false }
    pump.put({
      changes: told.running ? [diedChange(id, identity, String(ns), exit)] : [],
      positions: { [lifeKey(id)]: null },
    })
    daemon?.forget(id)
  }

  const startedMs = clock.now()
  return Promise.resolve({
    name,
    through: () => Math.min(pump.through(), stats?.through() ?? Infinity),
    trouble: () =>
      daemon?.trouble() ??
      stats?.trouble() ??
      (api && daemon?.view() ? undefined : folder.trouble()) ??
      pump.trouble() ??
      unread.unreadable() ??
      mounted.trouble() ??
      unread.badLabel(),
    lags: pump.lags,
    async close() {
      folder.close()
      await stats?.close()
      await daemon?.close()
      await pump.close()
    },
  })
}

function mayHaveFile({ driver }: Known): boolean {
  return driver === undefined || driver === 'json-file'
}

function namedBy({ name }: DockerEvent): Identity {
  return name === undefined ? {} : { service: name, task: name, containerName: name }
}

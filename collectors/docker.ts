import { watch, type FSWatcher } from 'node:fs'
import { hostname } from 'node:os'
import type { Clock } from '../pipeline/clock.ts'
import { isoToNs, msToIso } from '../pipeline/event.ts'
import type { Identity } from '../pipeline/identity.ts'
import { explain } from '../pipeline/errors.ts'
import type { Verdicts } from '../pipeline/posture.ts'
import type { Logger } from '../pipeline/log.ts'
import type { Metrics } from '../pipeline/metrics.ts'
import type { CollectedContainers } from './collected-containers.ts'
import { openDockerApi, type DockerEvent } from './docker-api.ts'
import { diedChange, lifeChanges, type Told } from './docker-changes.ts'
import { nameOf, openDockerFile, type DockerInput } from './docker-file.ts'
import {
  describeFolder,
  isForbidden,
  listFolders,
  logPathOf,
  undescribed,
} from './docker-folder.ts'
import { openDockerFollow, type DockerFollow } from './docker-follow.ts'
import { asObject, dockerIdentity, unknownContainer } from './docker-identity.ts'
import { postureOfInspect } from './docker-posture.ts'
import { openDockerStats, type RunningContainer } from './docker-stats.ts'
import type { DockerPosition, EventOptions } from './docker-streams.ts'
import { openDockerWatch } from './docker-watch.ts'
import { mountedFiles } from './docker-mounted.ts'
import { openFileSet, type Wanted } from './file-set.ts'
import { hashOf } from './fingerprint.ts'
import { unreadChange } from './gaps.ts'
import { wishesOf } from './wishes.ts'
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

/** What is known of one container. */
interface Known {
  id: string
  sinceMs: number
  identity: Identity
  /** The version of its description in the folder; undefined before it could be read. */
  version?: string
  /** The answer of inspect that was used. */
  inspected?: Record<string, unknown>
  driver?: string | undefined
  /** How it runs, by its folder or by the daemon; and the answer of inspect that was judged besides. */
  verdicts: Verdicts
  judged?: Record<string, unknown>
  tty: boolean
  told: Told
  input?: DockerInput | DockerFollow
  /** Named by its label. */
  mounted: Wanted[]
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
  /** Containers with a position that were not found, and since when. */
  const orphans = new Map<string, number>()
  let hint: FSWatcher | undefined
  let rootTrouble: string | undefined
  /** Something can be measured only when the daemon has told more. */
  let isAwaited = true

  const logKey = (id: string) => `${name}:log:${id}`
  const lifeKey = (id: string) => `${name}:life:${id}`
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

  const postures = openPostureTold({ name, of: 'container', sink, clock })

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
    const folders = root === undefined ? undefined : foldersOf(root)
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
      forgetOrphans(nowMs)
      tellPostures(nowMs)
    }
    return isComplete
  }

  function foldersOf(root: string): Set<string> | undefined {
    try {
      const folders = new Set(listFolders(root))
      rootTrouble = undefined
      hint ??= hintAt(root)
      return folders
    } catch (error) {
      rootTrouble = explain(error)
      hint?.close()
      hint = undefined
      return undefined
    }
  }

  /** Tells at once that a container came or went; that it may be missed does no harm. */
  function hintAt(root: string): FSWatcher | undefined {
    try {
      const watcher = watch(root, { persistent: false }, () => pump.wake(true))
      watcher.on('error', () => (hint = undefined))
      return watcher
    } catch {
      return undefined
    }
  }

  function update(id: string, root: string | undefined, nowMs: number) {
    const known = containers.get(id) ?? meet(id, nowMs)
    if (root !== undefined) readFolder(known, root)
    if (known.version === undefined) readInspected(known)
    judgeInspected(known)
    tellUndescribed(known, root, nowMs)
    if (known.input?.idle() && !mayHaveFile(known)) {
      // It was taken for a file's before its description was there.
      pump.inputs.delete(logKey(id))
      known.input.close()
      delete known.input
    }
    if (!isWanted(known)) return leaveOut(known)
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

  /** Whether its logs are to be collected; where only some are, not before it is known. */
  function isWanted({ identity }: Known): boolean {
    return wishesOf(identity).collect ?? options.optIn !== true
  }

  /** Its log is not read, and what it prints must not be read elsewhere either. */
  function leaveOut(known: Known) {
    const { id, identity, input } = known
    tellCollected(known)
    if (!input) return
    pump.inputs.delete(logKey(id))
    input.close()
    delete known.input
    const message = `the log of ${nameOf(identity, id)} is not read any more: its label mesoscope.logs says so`
    tellNot(id, { what: `wish:${hashOf(message)}`, action: 'left-out', message })
  }

  /** Told once of a container, by `what`. */
  function tellNot(
    id: string,
    { what, action, message }: { what: string; action: string; message: string },
  ) {
    pump.put({
      changes: [
        {
          '@timestamp': msToIso(clock.now()),
          'event.id': `change:collector:${id}:${what}`,
          'event.kind': 'collector',
          'event.action': action,
          message,
          'container.id': id,
        },
      ],
    })
  }

  function tellCollected({ identity }: Known) {
    const mesosId = containerOfDockerName(identity.containerName ?? '')
    if (mesosId !== undefined) options.collected?.add(mesosId)
  }

  function meet(id: string, nowMs: number): Known {
    const told = asObject(sink.position(lifeKey(id))) as Told
    const identity = unknownContainer(id, naming)
    const known: Known = {
      id,
      sinceMs: nowMs,
      identity,
      verdicts: {},
      tty: false,
      told,
      mounted: [],
    }
    containers.set(id, known)
    return known
  }

  function readFolder(known: Known, root: string) {
    const description = describeFolder(root, known.id, known.version)
    if (!description) return
    known.version = description.version
    known.driver = description.driver
    describe(known, { ...description.config, HostConfig: description.host })
  }

  const undescribedNow = new Map<string, string>()
  /** Not of a container that is just being made, nor of a folder that was left without a log. */
  function tellUndescribed(known: Known, root: string | undefined, nowMs: number) {
    const { id, version, inspected, input, sinceMs } = known
    const isKnown = version !== undefined || inspected !== undefined || input === undefined
    const isOld = nowMs - sinceMs >= describeMs
    const fault = !isKnown && isOld && root && !input.idle() ? undescribed(root, id) : undefined
    if (fault === undefined) undescribedNow.delete(id)
    else undescribedNow.set(id, fault)
  }

  function readInspected(known: Known) {
    const inspected = daemon?.described(known.id)
    if (!inspected) return daemon?.want(known.id)
    if (inspected === known.inspected) return
    known.inspected = inspected
    const driver = asObject(asObject(inspected['HostConfig'])['LogConfig'])['Type']
    known.driver = typeof driver === 'string' ? driver : undefined
    describe(known, inspected)
  }

  function describe(known: Known, config: Record<string, unknown>) {
    const identity = dockerIdentity({ ...config, Id: known.id }, naming)
    const isNew = JSON.stringify(identity) !== JSON.stringify(known.identity)
    known.identity = identity
    known.tty = asObject(config['Config'])['Tty'] === true
    if (isNew || known.mounted.length > 0) readWishes(known, config)
    const { changes, told } = lifeChanges(known.id, identity, config['State'], known.told)
    const isTold = JSON.stringify(told) === JSON.stringify(known.told)
    known.told = told
    if (isNew) known.input?.identify(identity)
    known.verdicts = postureOfInspect(config)
    tellPosture(known)
    pump.put({
      changes,
      identities: isNew ? [identity] : [],
      ...(isTold ? {} : { positions: { [lifeKey(known.id)]: told } }),
    })
  }

  /** The daemon tells some of what an odd `hostconfig.json` leaves out. */
  function judgeInspected(known: Known) {
    const inspected = daemon?.described(known.id)
    if (!inspected || inspected === known.judged) return
    known.judged = inspected
    tellPosture(known)
  }

  /** Only of what runs: the folder is the newest, the daemon fills in. */
  function tellPosture({ id, identity, told, judged, verdicts }: Known) {
    const all = { ...(judged ? postureOfInspect(judged) : {}), ...verdicts }
    pump.put(told.running === true ? postures.tell(id, identity, all) : postures.gone(id))
  }

  const faults = new Map<string, string>()
  function readWishes(known: Known, config: Record<string, unknown>) {
    const { id, identity } = known
    const files = mountedFiles(config, identity)
    known.mounted = isWanted(known) ? files.wanted : []
    const fault = [...wishesOf(identity).faults, ...files.faults][0]
    if (fault === undefined) faults.delete(id)
    else faults.set(id, `${nameOf(identity, id)}: ${fault}`)
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
    if (!api) tellDriver(known)
    return undefined
  }

  /** Where the daemon says that the file is, if it can be read there. */
  function logPathOfInspected({ id, inspected }: Known): string | undefined {
    const path = inspected?.['LogPath']
    if (typeof path !== 'string' || !path.endsWith(`/${id}-json.log`)) return undefined
    return isForbidden(path.slice(0, path.lastIndexOf('/'))) ? undefined : path
  }

  const toldDrivers = new Map<string, string>()
  function tellDriver({ id, identity, driver }: Known) {
    if (toldDrivers.has(id)) return
    const message = `container ${identity.containerName ?? id.slice(0, 12)} logs through the driver ${driver}, which leaves no file that can be read: give the socket of the Docker daemon`
    toldDrivers.set(id, message)
    tellNot(id, { what: 'driver', action: 'unreadable', message })
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
    toldDrivers.delete(id)
    undescribedNow.delete(id)
    faults.delete(id)
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

  /** Containers that were removed while nobody was here. */
  function forgetOrphans(nowMs: number) {
    if (orphans.size === 0 && nowMs - startedMs > forgetMs) return
    for (const [id, sinceMs] of orphans) {
      if (containers.has(id)) orphans.delete(id)
      else if (nowMs - sinceMs >= forgetMs) forgetOrphan(id, nowMs)
    }
  }

  function forgetOrphan(id: string, nowMs: number) {
    orphans.delete(id)
    const { streams = {} } = asObject(sink.position(logKey(id))) as Partial<DockerPosition>
    const told = asObject(sink.position(lifeKey(id))) as Told
    const times = Object.values(streams).map(({ time }) => time)
    const identity = unknownContainer(id, naming)
    const about = { source: logKey(id), name: `container ${id.slice(0, 12)}`, identity }
    const read = { at: 0, lastTime: times.toSorted().at(-1) }
    pump.put({
      changes: told.running === false ? [] : [unreadChange({ ...about, ...read }, nowMs)],
      positions: { [logKey(id)]: null, [lifeKey(id)]: null },
    })
  }

  const startedMs = clock.now()
  for (const key of sink.positions(`${name}:log:`)) {
    orphans.set(key.slice(`${name}:log:`.length), startedMs)
  }

  return Promise.resolve({
    name,
    through: () => Math.min(pump.through(), stats?.through() ?? Infinity),
    trouble: () =>
      daemon?.trouble() ??
      stats?.trouble() ??
      (api && daemon?.view() ? undefined : rootTrouble) ??
      pump.trouble() ??
      toldDrivers.values().next().value ??
      undescribedNow.values().next().value ??
      mounted.trouble() ??
      faults.values().next().value,
    lags: pump.lags,
    async close() {
      hint?.close()
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

import type { Identity } from '../pipeline/identity.ts'
import type { Verdicts } from '../pipeline/posture.ts'
import { lifeChanges, type Told } from './docker-changes.ts'
import type { DockerInput } from './docker-file.ts'
import { describeFolder } from './docker-folder.ts'
import type { DockerFollow } from './docker-follow.ts'
import {
  asObject,
  dockerIdentity,
  unknownContainer,
  type DockerIdentityOptions,
} from './docker-identity.ts'
import { mountedFiles } from './docker-mounted.ts'
import { lifeKeyOf } from './docker-streams.ts'
import { postureOfInspect } from './docker-posture.ts'
import type { DockerUnread } from './docker-unread.ts'
import type { DockerWatch } from './docker-watch.ts'
import type { Wanted } from './file-set.ts'
import type { PostureTold } from './posture-told.ts'
import type { Pump } from './pump.ts'
import type { Sink } from './sink.ts'
import { wishesOf } from './wishes.ts'

/** What is known of one container. */
export interface Known {
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

export interface DockerDescriptionsOptions {
  /** Of the collector: its positions begin with it. */
  name: string
  naming: DockerIdentityOptions
  optIn?: boolean | undefined
  daemon: DockerWatch | undefined
  postures: PostureTold
  unread: DockerUnread
  sink: Sink
  put: Pump['put']
}

/** Reads what containers are, from their folders and from the daemon, and tells what of it is new. */
export function openDockerDescriptions(options: DockerDescriptionsOptions) {
  const { name, naming, daemon, postures, unread, sink, put } = options
  const lifeKey = (id: string) => lifeKeyOf(name, id)

  /** Whether its logs are to be collected; where only some are, not before it is known. */
  function isWanted({ identity }: Known): boolean {
    return wishesOf(identity).collect ?? options.optIn !== true
  }

  function meet(id: string, nowMs: number): Known {
    const told = asObject(sink.position(lifeKey(id))) as Told
    const identity = unknownContainer(id, naming)
    return {
      id,
      sinceMs: nowMs,
      identity,
      verdicts: {},
      tty: false,
      told,
      mounted: [],
    }
  }

  function readFolder(known: Known, root: string) {
    const description = describeFolder(root, known.id, known.version)
    if (!description) return
    known.version = description.version
    known.driver = description.driver
    describe(known, { ...description.config, HostConfig: description.host })
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
    put({
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
    put(told.running === true ? postures.tell(id, identity, all) : postures.gone(id))
  }

  function readWishes(known: Known, config: Record<string, unknown>) {
    const { identity } = known
    const files = mountedFiles(config, identity)
    known.mounted = isWanted(known) ? files.wanted : []
    unread.label(known, [...wishesOf(identity).faults, ...files.faults][0])
  }

  return { isWanted, meet, readFolder, readInspected, judgeInspected }
}

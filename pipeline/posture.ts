import type { Identity } from './identity.ts'

/** What can be wrong with how a service is run, by name: as a sentence behind its name, and what to do. */
export const postureFindings = {
  privileged: {
    says: 'runs privileged: it may do all that the machine may',
    remedy: 'take `privileged` away; add the one capability that it needs',
  },
  'host-network': {
    says: "uses the machine's network: it reaches what listens there, and takes its ports",
    remedy: 'use a bridge or container network with port mappings',
  },
  'host-pid': {
    says: 'sees all processes of the machine',
    remedy: 'take `--pid=host` away',
  },
  'docker-socket': {
    says: "has the socket of the container daemon: whoever is in it rules the machine's containers",
    remedy: 'mount no socket of a daemon; let it ask a service of its own that may do less',
  },
  root: {
    says: 'runs as root',
    remedy: 'name a user in the image (`USER`) or in the app',
  },
  'no-memory-limit': {
    says: 'has no memory limit: it can take that of its neighbours',
    remedy: 'give it a limit (`mem` of the app, `--memory`)',
  },
  'no-cpu-limit': {
    says: 'asks for no CPU and has no limit',
    remedy: 'say how many cores it needs (`cpus` of the app, `--cpus`)',
  },
  capabilities: {
    says: 'has capabilities beyond the usual ones',
    remedy: 'take `cap-add` away, as far as it can be without',
  },
  'mutable-tag': {
    says: 'runs an image whose tag can mean another image tomorrow',
    remedy: 'name a version, or better a digest (`name@sha256:…`)',
  },
  'no-health-check': {
    says: 'has no health check: nobody notices that it hangs',
    remedy: 'declare `healthChecks` in the app, or `HEALTHCHECK` in the image',
  },
  'one-instance': {
    says: 'has fewer than two instances: each restart is an outage',
    remedy: 'run two or more',
  },
} as const satisfies Record<string, { says: string; remedy: string }>

export type PostureFinding = keyof typeof postureFindings
export const postureNames = Object.keys(postureFindings) as PostureFinding[]

/** `found`: it is so; false: it was looked at, and is not. `detail`: by what that is known. */
export interface Verdict {
  found: boolean
  detail: string
}

/** What is not in it is not known, which is not the same as good. */
export type Verdicts = Partial<Record<PostureFinding, Verdict>>

/**
 * How one container really runs, or how Marathon was told to run an app: the value of a record of the compacted topic
 * `posture`, under {@link postureKey}. Written again at times, so that one whose teller is gone for good can be forgotten.
 */
export interface Posture {
  v: 1
  of: 'container' | 'app'
  /** Of the container, or of the app. */
  id: string
  /** Of the service; nothing of a single task. */
  identity: Identity & { service: string }
  findings: Verdicts
  /** The label `mesoscope.posture.accept`, as it is written. */
  accept?: string
  /** When it was told, ms. */
  atMs: number
}

/** What is held to be so of a service, of all its containers and its app together. */
export interface HeldFinding extends Verdict {
  /** Since when, ms. */
  sinceMs: number
  accepted?: boolean
}

/** The value of a record of the compacted topic `findings`, under {@link findingsKey}; written by one process at a time. */
export interface ServicePosture {
  v: 1
  service: string
  findings: Partial<Record<PostureFinding, HeldFinding>>
  /** As the service asks for it; names that are none stay in it. */
  accept: string[]
  /** Running containers that were looked at. */
  containers: number
  /** Whether Marathon tells of it, or did: when it does no more, and nothing runs, it is over. */
  app: boolean
  identity: Identity & { service: string }
  /** When anything of it was heard last, ms. */
  heardMs: number
}

export const postureKey = ({ of, id }: Pick<Posture, 'of' | 'id'>) => `${of}:${id}`

/** Names of services are somebody else's text: none may be a key with a meaning of its own. */
export const findingsKey = (service: string) => `service:${service}`

const maxAccepted = 50

/** The names in a label: `root, one-instance`. */
export function acceptedNames(label: string | undefined): string[] {
  const names = (label ?? '').split(',').map((name) => name.trim().toLowerCase())
  return [...new Set(names.filter((name) => name !== ''))].slice(0, maxAccepted)
}

export function isPostureFinding(name: string): name is PostureFinding {
  return Object.hasOwn(postureFindings, name)
}

/** Of a service, without what tells its tasks apart. */
export function serviceOnly(identity: Identity): Identity {
  const { cluster, service, version, image, framework, owner, runbook, retention } = identity
  const all = { cluster, service, version, image, framework, owner, runbook, retention }
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))
}

/** A record of the topic `posture`; undefined for what another version may have written, or damage. */
export function readPosture(value: Uint8Array): Posture | undefined {
  const given = parse(value)
  if (given?.['v'] !== 1 || (given['of'] !== 'container' && given['of'] !== 'app')) return undefined
  const { id, identity, atMs } = given
  const service = isObject(identity) ? identity['service'] : undefined
  if (typeof id !== 'string' || typeof service !== 'string' || service === '') return undefined
  const findings = verdictsIn(given['findings'])
  if (!Number.isFinite(atMs) || !findings) return undefined
  return { ...given, findings } as unknown as Posture
}

/** A record of the topic `findings`; undefined for what cannot be used. */
export function readServicePosture(value: Uint8Array): ServicePosture | undefined {
  const given = parse(value)
  const findings = verdictsIn(given?.['findings'])
  const isSound =
    given?.['v'] === 1 &&
    typeof given['service'] === 'string' &&
    Array.isArray(given['accept']) &&
    Number.isFinite(given['heardMs']) &&
    isObject(given['identity'])
  return isSound && findings ? ({ ...given, findings } as unknown as ServicePosture) : undefined
}

function parse(value: Uint8Array): Record<string, unknown> | undefined {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(value).toString('utf8'))
    return isObject(parsed) ? parsed : undefined
  } catch {
    return undefined
  }
}

/** Names that only a newer version knows are left out; undefined where one is damaged. */
function verdictsIn(value: unknown): Verdicts | undefined {
  if (!isObject(value)) return undefined
  const known = Object.entries(value).filter(([name]) => isPostureFinding(name))
  const areSound = known.every(
    ([, verdict]) =>
      isObject(verdict) &&
      typeof verdict['found'] === 'boolean' &&
      typeof verdict['detail'] === 'string',
  )
  return areSound ? Object.fromEntries(known) : undefined
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

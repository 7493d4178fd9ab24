import type { PostureFinding, Verdict, Verdicts } from '../pipeline/posture.ts'
import { withoutUndefined } from '../pipeline/without-undefined.ts'
import { asNumber, isObject } from './answer.ts'
import { limitsOf } from './docker-stats-shape.ts'
import {
  capabilityVerdict,
  fine,
  found,
  imageVerdict,
  socketAmong,
  userVerdict,
} from './posture-values.ts'

type Read = (described: Described) => Verdict | undefined

interface Described {
  config: Record<string, unknown>
  host: Record<string, unknown>
  /** The mounts as told, whatever they are. */
  mounts: unknown
  /** Whether the daemon tells a state of health. */
  hasHealth: boolean
}

const readers: Partial<Record<PostureFinding, Read>> = {
  privileged: ({ host }) => flagVerdict(host['Privileged'], 'Privileged'),
  'host-network': ({ host }) => modeVerdict(host['NetworkMode'], 'network'),
  'host-pid': ({ host }) => pidVerdict(host['PidMode']),
  'docker-socket': socketVerdict,
  root: ({ config: { User: user } }) => (typeof user === 'string' ? userVerdict(user) : undefined),
  'no-memory-limit': memoryVerdict,
  'no-cpu-limit': cpuVerdict,
  capabilities: ({ host }) => addedVerdict(host['CapAdd']),
  'mutable-tag': ({ config: { Image: image } }) =>
    typeof image === 'string' && image !== '' ? imageVerdict(image) : undefined,
  'no-health-check': healthVerdict,
}

/**
 * How a container really runs, by the answer of `/containers/{id}/json`, or by `config.v2.json` with `hostconfig.json` as
 * its `HostConfig`. What is missing there, or of another type, is not known. Never throws.
 */
export function postureOfInspect(answer: unknown): Verdicts {
  const described = isObject(answer) ? answer : {}
  const { Config, HostConfig, Mounts, MountPoints, State } = described
  const parts: Described = {
    config: isObject(Config) ? Config : {},
    host: isObject(HostConfig) ? HostConfig : {},
    // The file has an object of them, by where they lie in the container.
    mounts: Mounts ?? (isObject(MountPoints) ? Object.values(MountPoints) : undefined),
    hasHealth: isObject(State) && isObject(State['Health']),
  }
  const read = Object.entries(readers).map(([name, reader]) => [name, reader(parts)])
  return withoutUndefined(Object.fromEntries(read) as Verdicts)
}

function flagVerdict(value: unknown, name: string): Verdict | undefined {
  if (typeof value !== 'boolean') return undefined
  return value ? found(`${name} is set`) : fine(`${name} is not set`)
}

/** That of another container may be any: `container:<id>` says nothing. */
function modeVerdict(mode: unknown, what: string): Verdict | undefined {
  if (typeof mode !== 'string' || mode === '' || mode.startsWith('container:')) return undefined
  return mode === 'host' ? found(`${what} mode host`) : fine(`${what} mode ${mode}`)
}

/** Without a mode it has processes of its own. */
function pidVerdict(mode: unknown): Verdict | undefined {
  return mode === '' ? fine('processes of its own') : modeVerdict(mode, 'process')
}

/** All of its mounts have to be understood before it can be said that none is a socket. */
function socketVerdict({ mounts, host }: Described): Verdict | undefined {
  const binds = host['Binds'] ?? []
  const fromBinds = textsIn(binds)?.flatMap((bind) => bind.split(':').slice(0, 2))
  const fromMounts = Array.isArray(mounts) ? mounts.map(placesOf) : undefined
  const known = [...(fromBinds ?? []), ...(fromMounts ?? []).flatMap((places) => places ?? [])]
  const socket = socketAmong(known)
  if (socket !== undefined) return found(`${socket} is mounted`)
  const isWhole = fromBinds !== undefined && fromMounts?.every((places) => places !== undefined)
  return isWhole ? fine(`${fromMounts?.length} mounts, none of them a socket`) : undefined
}

/** Where a mount comes from; of what lies in the container only a socket itself says something. */
function placesOf(mount: unknown): string[] | undefined {
  if (!isObject(mount)) return undefined
  const { Type, Source, Destination } = mount
  const inside = typeof Destination === 'string' && Destination.endsWith('.sock') ? Destination : []
  // A volume's files lie in a folder of the daemon.
  if (Type === 'volume' || Type === 'tmpfs') return [inside].flat()
  return typeof Source === 'string' ? [Source, ...[inside].flat()] : undefined
}

function memoryVerdict({ host: { Memory: memory } }: Described): Verdict | undefined {
  const bytes = asNumber(memory)
  if (bytes === undefined) return undefined
  return bytes > 0 ? fine(`${Math.round(bytes / 2 ** 20)} MiB`) : found('no limit is set')
}

function cpuVerdict({ host }: Described): Verdict | undefined {
  const { cpu } = limitsOf(host)
  if (cpu !== undefined) {
    const isHard = (asNumber(host['NanoCpus']) ?? 0) > 0 || (asNumber(host['CpuQuota']) ?? 0) > 0
    return fine(`${Number(cpu.toFixed(3))} cores${isHard ? '' : ' asked for, by shares'}`)
  }
  const all = [host['NanoCpus'], host['CpuQuota'], host['CpuShares']].map(asNumber)
  return all.every((one) => one !== undefined) ? found('no limit and no shares are set') : undefined
}

/** `null` is the daemon's word for none. */
function addedVerdict(added: unknown): Verdict | undefined {
  const names = added === null ? [] : textsIn(added)
  return names && capabilityVerdict(names)
}

/** The daemon leaves `Healthcheck` out where neither image nor container has one: it is missing in what is otherwise there. */
function healthVerdict({ config, hasHealth }: Described): Verdict | undefined {
  const { Healthcheck: check, Image: image } = config
  if (check === undefined || check === null) {
    if (hasHealth) return fine('Docker checks it')
    return typeof image === 'string' ? found('neither image nor container has one') : undefined
  }
  const [kind] = textsIn(isObject(check) ? check['Test'] : undefined) ?? []
  if (kind === undefined) return hasHealth ? fine('Docker checks it') : undefined
  return kind === 'NONE' ? found('it is switched off') : fine(`Docker checks it (${kind})`)
}

function textsIn(value: unknown): string[] | undefined {
  return Array.isArray(value) && value.every((one) => typeof one === 'string') ? value : undefined
}

import type { Identity } from '../pipeline/identity.ts'
import { mesosParts } from './docker-mesos.ts'

export interface DockerIdentityOptions {
  /** Wins over everything the container says. */
  service?: string | undefined
  cluster?: string | undefined
  /** The machine's name, where the container does not tell its agent. */
  hostname: string
}

/** Labels are somebody else's text: so many of them, so long, are kept. */
const maxLabels = 64
const maxLength = 1024

/**
 * Who a container is, from the answer of `/containers/{id}/json` or from Docker's `config.v2.json` (the parts read
 * here are the same in both, but for the mounts). Never throws: what is not there, or is of another type, is unknown.
 *
 * @example
 * dockerIdentity({ ID: '4f0c…', Name: '/web-1', Config: { Env: ['MARATHON_APP_ID=/shop/web'] } }, { hostname: 'a1' })
 * // { service: '/shop/web', task: 'web-1', container: '4f0c…', containerName: 'web-1', agent: 'a1' }
 */
export function dockerIdentity(described: unknown, options: DockerIdentityOptions): Identity {
  const container = asObject(described)
  const config = asObject(container['Config'])
  const labels = asObject(config['Labels'])
  const env = environment(config['Env'])
  const label = (name: string) => clean(labels[name])
  // Marathon gives labels of the app to its containers in their environment.
  const own = (part: string) =>
    label(`mesoscope.${part}`) ?? env(`MARATHON_APP_LABEL_MESOSCOPE_${part.toUpperCase()}`)
  const name = clean(container['Name'])?.replace(/^\//, '') || undefined
  const mesosTask = label('MESOS_TASK_ID') ?? env('MESOS_TASK_ID') ?? env('mesos_task_id')
  // Many images set HOST to the address they listen on; only beside Marathon's or Mesos' own names is it the agent.
  const onMesos = mesosTask !== undefined || env('MARATHON_APP_ID') !== undefined
  const mesos = mesosParts({ name, env, mounts: mountedFrom(container), task: mesosTask })
  // Mesos gives each container another name: of a service it would tell something wrong.
  const ownName = mesos.isOfMesos ? undefined : name
  return withoutUnknown({
    cluster: options.cluster,
    service:
      options.service ??
      label('mesoscope.service') ??
      env('MARATHON_APP_ID') ??
      clean(mesos.service) ??
      composeService(label('com.docker.compose.project'), label('com.docker.compose.service')) ??
      ownName,
    task: clean(mesos.task) ?? ownName,
    container: clean(container['Id'] ?? container['ID']),
    containerName: name,
    agent: (onMesos || mesos.isOfMesos ? env('HOST') : undefined) ?? options.hostname,
    version: env('MARATHON_APP_VERSION'),
    image: clean(config['Image']),
    framework: clean(mesos.framework),
    owner: own('owner') ?? env('MARATHON_APP_LABEL_OWNER'),
    runbook: own('runbook') ?? env('MARATHON_APP_LABEL_RUNBOOK'),
    retention: own('retention'),
    labels: allLabels(labels, config['Env']),
  })
}

/** What is known of a container before (or without) its description. */
export function unknownContainer(id: string, options: DockerIdentityOptions): Identity {
  return withoutUnknown({
    cluster: options.cluster,
    service: options.service,
    container: id,
    agent: options.hostname,
  })
}

export function asObject(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {}
}

/** Folders of the host that are mounted: of `Mounts` (inspect), `MountPoints` (config.v2.json) and `Binds`. */
function mountedFrom(described: Record<string, unknown>): string[] {
  const { Mounts: mounts, MountPoints: points, HostConfig: host } = described
  const { Binds: binds } = asObject(host)
  const listed = [...listOf(mounts), ...Object.values(asObject(points))]
  const sources = [...listed.map((one) => asObject(one)['Source']), ...listOf(binds)]
  return sources.filter((path) => typeof path === 'string')
}

const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? (value as unknown[]) : [])

function composeService(project: string | undefined, service: string | undefined) {
  return project && service ? `/${project}/${service}` : undefined
}

function entries(env: unknown): [string, string][] {
  if (!Array.isArray(env)) return []
  return env
    .filter((entry) => typeof entry === 'string')
    .map((entry) => {
      const at = entry.indexOf('=')
      return at < 0 ? [entry, ''] : [entry.slice(0, at), entry.slice(at + 1)]
    })
}

function environment(env: unknown): (name: string) => string | undefined {
  const byName = new Map(entries(env))
  return (name) => clean(byName.get(name))
}

const marathonLabel = 'MARATHON_APP_LABEL_'

/** Docker's labels and Marathon's, by name; what is beyond the limits is counted in `mesoscope.labels_cut`. */
function allLabels(
  labels: Record<string, unknown>,
  env: unknown,
): Record<string, string> | undefined {
  const all = new Map<string, string>()
  const put = (rawName: string, rawValue: unknown) => {
    const name = clean(rawName)
    const value = clean(rawValue)
    if (name !== undefined && value !== undefined) all.set(name, value)
  }
  for (const [name, value] of entries(env)) {
    if (name.startsWith(marathonLabel)) put(name.slice(marathonLabel.length).toLowerCase(), value)
  }
  for (const [name, value] of Object.entries(labels)) put(name, value)
  return keptLabels(all)
}

/** As many as are kept, with the number of the others; undefined where there are none. */
export function keptLabels(all: ReadonlyMap<string, string>): Record<string, string> | undefined {
  if (all.size === 0) return undefined
  const cut = Math.max(0, all.size - maxLabels)
  const kept = [...all].slice(0, maxLabels)
  if (cut > 0) kept.push(['mesoscope.labels_cut', String(cut)])
  return Object.fromEntries(kept)
}

/** A value as data: text without control characters, bounded; undefined if nothing is left. */
export function clean(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined
  const text = value
    .slice(0, maxLength)
    // eslint-disable-next-line no-control-regex -- taking them out is the point
    .replace(/[\u0000-\u001f\u007f-\u009f]/g, '')
    .toWellFormed()
    .trim()
  return text === '' ? undefined : text
}

export function withoutUnknown(identity: {
  [Part in keyof Identity]: Identity[Part] | undefined
}): Identity {
  const known: Record<string, unknown> = {}
  for (const part of Object.keys(identity)) {
    const value = identity[part as keyof Identity]
    if (value !== undefined) known[part] = value
  }
  return known
}

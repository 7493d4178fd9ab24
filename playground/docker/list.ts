import { hasLabel, isSet, readFilters, type Filters } from './query.ts'
import { mounts, networks } from './inspect.ts'
import type { DockerContainer } from './model.ts'
import { words } from '../words.ts'

/** Some of them have no meaning here, and let everything through. */
const known = words(`
  ancestor before exited expose health id is-task isolation label name network publish since
  status volume
`)

/** `/containers/json?all&limit&filters`. Throws a `Refusal`. */
export function listContainers(
  containers: DockerContainer[],
  query: URLSearchParams,
  now: number,
): unknown[] {
  const filters = readFilters(query, known)
  const limit = Number(query.get('limit') ?? 0)
  const ended = ['status', 'exited'].some((name) => filters.has(name))
  const all = isSet(query, 'all') || limit > 0 || ended
  const found = containers.filter(
    (container) => (all || container.status === 'running') && matches(container, filters),
  )
  return (limit > 0 ? found.slice(0, limit) : found).map((container) => summary(container, now))
}

function matches(container: DockerContainer, filters: Filters): boolean {
  const { id, name, image, imageId, status, config } = container
  const { Labels } = config.Config
  return (
    filters.match('id', (wanted) => id.startsWith(wanted)) &&
    filters.match('name', (wanted) => `/${name}`.includes(wanted)) &&
    filters.match('status', (wanted) => wanted === status) &&
    filters.match('ancestor', (wanted) => [image, imageId].includes(wanted)) &&
    filters.match('exited', (wanted) => ended(container, wanted)) &&
    filters.matchAll('label', (wanted) => hasLabel(Labels, wanted))
  )
}

function ended({ status, config }: DockerContainer, code: string): boolean {
  return status === 'exited' && String(config.State.ExitCode) === code
}

function summary(container: DockerContainer, now: number): Record<string, unknown> {
  const { id, name, image, imageId, createdAt, status, config, hostConfig } = container
  return {
    Id: id,
    Names: [`/${name}`],
    Image: image,
    ImageID: imageId,
    Command: command(config.Path, config.Args),
    Created: Math.trunc(createdAt / 1000),
    Ports: [],
    Labels: config.Config.Labels,
    State: status,
    Status: statusText(container, now),
    HostConfig: { NetworkMode: hostConfig.NetworkMode },
    NetworkSettings: { Networks: networks(container) },
    Mounts: mounts(container),
  }
}

function command(path: string, args: string[]): string {
  return [path, ...args.map((arg) => (arg.includes(' ') ? `'${arg}'` : arg))].join(' ')
}

/** `Up 4 seconds`, `Exited (137) About a minute ago` */
function statusText({ status, config: { State } }: DockerContainer, now: number): string {
  if (status === 'created') return 'Created'
  if (status === 'running') return `Up ${since(State.StartedAt, now)}`
  return `Exited (${State.ExitCode}) ${since(State.FinishedAt, now)} ago`
}

function since(time: string, now: number): string {
  return humanDuration((now - Date.parse(time)) / 1000)
}

/** As Docker rounds it for people. */
export function humanDuration(duration: number): string {
  const seconds = Math.trunc(duration)
  const minutes = Math.trunc(duration / 60)
  const hours = Math.round(duration / 3600)
  if (seconds < 1) return 'Less than a second'
  if (seconds === 1) return '1 second'
  if (seconds < 60) return `${seconds} seconds`
  if (minutes === 1) return 'About a minute'
  if (minutes < 60) return `${minutes} minutes`
  if (hours === 1) return 'About an hour'
  if (hours < 48) return `${hours} hours`
  if (hours < 24 * 14) return `${Math.trunc(hours / 24)} days`
  if (hours < 24 * 60) return `${Math.trunc(hours / 24 / 7)} weeks`
  if (hours < 24 * 365 * 2) return `${Math.trunc(hours / 24 / 30)} months`
  return `${Math.trunc(hours / 24 / 365)} years`
}

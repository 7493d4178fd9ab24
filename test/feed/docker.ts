import { containerMetrics } from '../../collectors/container-metrics.ts'
import { eventOf, listedIn, rootOf } from '../../collectors/docker-answers.ts'
import { lifeChanges } from '../../collectors/docker-changes.ts'
import { openDeframer } from '../../collectors/docker-frames.ts'
import { dockerIdentity, unknownContainer } from '../../collectors/docker-identity.ts'
import { limitsOf, readStats } from '../../collectors/docker-stats-shape.ts'
import type { Problem } from '../../collectors/answer.ts'
import { has, isListOf, isRecord, together, type Kind, type Understood } from './understood.ts'

/** The machine of the daemon, which its answers do not tell. */
const here = { hostname: 'here' }

function list(value: unknown): Understood {
  const listed = listedIn(value) ?? []
  return {
    counts: {
      containers: listed.length,
      'that run': listed.filter(({ running }) => running).length,
    },
    problems: [],
    // The rest is told by what each is asked for next.
    identities: listed.map(({ id }) => unknownContainer(id, here)),
    listed: { there: (value as unknown[]).length, read: listed.length },
  }
}

/** The answer of inspect, or Docker's own `config.v2.json`. */
function inspected(value: unknown): Understood {
  const described = value as Record<string, unknown>
  const identity = dockerIdentity(described, here)
  const { container = '' } = identity
  const { changes } = lifeChanges(container, identity, described['State'], {})
  const { cpu } = limitsOf(described['HostConfig'])
  return {
    counts: { containers: identity.container ? 1 : 0, changes: changes.length },
    problems: [],
    identities: identity.container ? [identity] : [],
    words: `service ${identity.service ?? 'not known'}${cpu === undefined ? '' : `, ${cpu} cores`}`,
  }
}

function stats(value: unknown): Understood {
  const { reading, nothing, problems } = readStats(value)
  const metrics = reading ? containerMetrics(reading, undefined) : {}
  const isSample = Object.keys(metrics).length > 0 || (reading?.cpuSeconds ?? 0) > 0
  if (nothing) return { counts: { samples: 0 }, problems, words: nothing }
  // A first reading without levels gives a rate with the next one.
  const words = isSample ? undefined : 'nothing is measured there'
  return { counts: { samples: isSample ? 1 : 0 }, problems, ...(words ? { words } : {}) }
}

function info(value: unknown): Understood {
  return { counts: {}, problems: [], words: `containers in ${rootOf(value)}` }
}

/** As `docker inspect` prints it: a list, of whatever was asked for. */
const isDescribed = (one: unknown) =>
  has(one, 'Config', 'State') && (has(one, 'Id') || has(one, 'ID'))
const isStats = (one: unknown) =>
  has(one, 'read') && (has(one, 'cpu_stats') || has(one, 'memory_stats'))
const isListed = (one: unknown) => has(one, 'Id', 'Names') || has(one, 'Id', 'State', 'Image')
/** The second is of daemons before 1.10. */
const isEvent = (one: unknown) => has(one, 'Action', 'Actor') || has(one, 'status', 'id', 'time')

/** As the stream brings them, a line each; of other things than containers it is not asked for. */
function events(lines: readonly JsonLine[]): Understood {
  const isOfContainer = ({ json }: JsonLine) =>
    isRecord(json) && (json['Type'] ?? 'container') === 'container'
  const ofContainers = lines.filter(isOfContainer)
  const read = ofContainers.flatMap(({ text }) => eventOf(text) ?? [])
  return {
    counts: { events: read.length },
    problems: [],
    identities: [...new Set(read.map(({ id }) => id))].map((id) => unknownContainer(id, here)),
    listed: { there: ofContainers.length, read: read.length },
  }
}

/** A document that is a line by itself. */
export interface JsonLine {
  text: string
  json: unknown
}

export const dockerKinds: readonly Kind[] = [
  {
    fits: (value) => isListOf(value, isDescribed),
    read: (value) => together((value as unknown[]).map(inspected)),
  },
  {
    fits: (value) => isListOf(value, isStats),
    read: (value) => together((value as unknown[]).map(stats)),
  },
  {
    fits: (value) => isListOf(value, isEvent),
    read: (value) => events((value as unknown[]).map(asLine)),
  },
  { fits: (value) => isListOf(value, isListed), read: list },
  { fits: (value) => has(value, 'DockerRootDir'), read: info },
  { fits: isStats, read: stats },
  { fits: isDescribed, read: inspected },
  { fits: isEvent, read: (value) => events([asLine(value)]) },
]

const asLine = (json: unknown): JsonLine => ({ text: JSON.stringify(json, exactly), json })

/** What JSON.parse read as BigInt goes back to the digits it was; as a text, which is not looked at. */
export const exactly = (_key: string, value: unknown) =>
  typeof value === 'bigint' ? String(value) : value

/** Documents one a line: events, or a stream of stats. */
export function readDockerLines(lines: readonly JsonLine[]): Understood | undefined {
  if (lines.some(({ json }) => isEvent(json))) return events(lines)
  const read = lines.flatMap(({ json }) => (isStats(json) ? [stats(json)] : []))
  return read.length > 0 ? together(read) : undefined
}

export const isMultiplexed = (bytes: Buffer) =>
  bytes.length >= 8 && (bytes[0] as number) <= 3 && bytes.readUIntBE(1, 3) === 0

/** The log of a container with a terminal begins with a time: that is how it is asked for. */
export const isRawLog = (bytes: Buffer) =>
  /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.?\d*Z? /.test(bytes.toString('latin1', 0, 40))

/** A log over the API; undefined for one that was asked for without times, as the collector never does. */
export function readApiLog(bytes: Buffer): Understood | undefined {
  let lines = 0
  let pieces = 0
  const problems: Problem[] = []
  const deframer = openDeframer({
    tty: !isMultiplexed(bytes),
    onPiece(_stream, _time, content) {
      pieces++
      if (content.at(-1) === 0x0a) lines++
    },
    onBad: (_bytes, problem) =>
      problems.push({ path: `piece ${pieces + problems.length}`, problem }),
  })
  for (let at = 0; at < bytes.length; at += 101) deframer.push(bytes.subarray(at, at + 101))
  deframer.end()
  if (pieces === 0 && problems.every(({ problem }) => problem === 'a log line without a time')) {
    return undefined
  }
  return {
    counts: { lines, pieces },
    problems,
    listed: { there: pieces + problems.length, read: pieces },
  }
}

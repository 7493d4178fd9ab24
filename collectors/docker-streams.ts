import { streams, type DeadLetter, type Stream } from '../pipeline/event.ts'
import type { Identity } from '../pipeline/identity.ts'
import { openAssembler, type Assembler, type AssemblerState } from './assemble.ts'
import { openPlausibleTime } from './plausible-time.ts'
import type { FollowPosition } from './follow-file.ts'
import { openNanoseconds } from './nanoseconds.ts'
import type { CollectedRecord } from './sink.ts'

/** A place in one stream that both ways of reading share: behind the `count`-th piece that Docker stamped `time`. */
export interface Cursor {
  time: string
  count: number
}

/** The keys under which a collector keeps the positions of a container's log, and what it told of its life. */
export const logKeyOf = (name: string, id: string) => `${name}:log:${id}`
export const lifeKeyOf = (name: string, id: string) => `${name}:life:${id}`

/** The stored position of a container. Read as a file its states' places are numbers, over the API cursors. */
export interface DockerPosition {
  /** Of the file; absent if the container was last read over the API. */
  file?: FollowPosition
  streams: { [Of in Stream]?: AssemblerState<unknown> }
  /** The last pieces read as a file, for going on over the API. */
  cursors?: { [Of in Stream]?: Cursor }
  /** Reading as a file began after reading over the API: up to here was taken before. */
  skipTo?: { [Of in Stream]?: Cursor }
}

/** What all inputs of a collector share. */
export interface EventOptions {
  maxEventBytes: number
  multiline: boolean
  redactor: { scan: Scan; redact(escaped: string): string }
}
type Scan = (latin1: string) => readonly number[] | 'every'

export interface DockerStreamsOptions<Place> extends EventOptions {
  container: string
  identity: Identity
  states: { [Of in Stream]?: AssemblerState<Place> }
  originOf?: (place: Place) => string
}

/** The two assemblers of a container, opened when the first line of their stream comes. */
export interface DockerStreams<Place> {
  of(stream: Stream): Assembler<Place>
  opened(): [Stream, Assembler<Place>][]
  take(nowMs: number, force: boolean): { records: CollectedRecord[]; dead: DeadLetter[] }
  states(): { [Of in Stream]?: AssemblerState<Place> }
  waitingSince(): number | undefined
  identify(identity: Identity): void
}

const letters = { stdout: 'o', stderr: 'e' } as const satisfies Record<Stream, string>

/** The source of a container's lines: by it they are found, kept in order and completed, however they were read. */
export const containerSource = (container: string, stream: Stream) =>
  `${container}:${letters[stream]}`

export function openDockerStreams<Place>(
  options: DockerStreamsOptions<Place>,
): DockerStreams<Place> {
  const open = new Map<Stream, Assembler<Place>>()
  let { identity } = options

  function of(stream: Stream): Assembler<Place> {
    const known = open.get(stream)
    if (known) return known
    const source = containerSource(options.container, stream)
    const nanoseconds = openNanoseconds()
    const state = options.states[stream]
    const assembler = openAssembler<Place>({
      plausible: openPlausibleTime(),
      source,
      stream,
      identity,
      idPrefix: `${source}:`,
      eventId: (time, ordinal) => `${source}:${nanoseconds(time)}:${ordinal}`,
      multiline: options.multiline,
      partsShareTime: true,
      redact: (escaped) => options.redactor.redact(escaped),
      maxEventBytes: options.maxEventBytes,
      originOf: options.originOf,
      ...(state ? { state } : {}),
    })
    open.set(stream, assembler)
    return assembler
  }

  for (const stream of streams) if (options.states[stream]) of(stream)
  return {
    of,
    opened: () => [...open],
    take(nowMs, force) {
      const taken = [...open.values()].map((assembler) => assembler.take(nowMs, force))
      return {
        records: taken.flatMap(({ records }) => records),
        dead: taken.flatMap(({ dead }) => dead),
      }
    },
    states: () => Object.fromEntries([...open].map(([stream, one]) => [stream, one.state()])),
    waitingSince: () => earliest([...open.values()].map((one) => one.waitingSince())),
    identify(known) {
      identity = known
      for (const assembler of open.values()) assembler.identify(known)
    },
  }
}

export function earliest(times: (number | undefined)[]): number | undefined {
  const known = times.filter((time) => time !== undefined)
  return known.length === 0 ? undefined : Math.min(...known)
}

import type { ServerResponse } from 'node:http'
import type { Clock } from '../../pipeline/clock.ts'
import { nsToIso } from '../../pipeline/event.ts'
import { escapeBytes, type Piece } from '../json-record.ts'
import { startChunks } from './go-http.ts'
import type { DockerContainer, DockerModel } from './model.ts'
import { isSet, Refusal, timestamp } from './query.ts'
import { readLog, type LogRecord } from './read-log.ts'

interface Wanted {
  streams: ReadonlySet<string>
  timestamps: boolean
  details: boolean
  since: bigint
  until: bigint | undefined
  /** Of the last records; undefined: all. */
  tail: number | undefined
  follow: boolean
}

/** Throws a {@link Refusal} where no stream is asked for, which Docker looks at before it looks for the container. */
export function checkStreams(query: URLSearchParams): void {
  if (isSet(query, 'stdout') || isSet(query, 'stderr')) return
  throw new Refusal(400, 'Bad parameters: you must choose at least one stream')
}

/**
 * `/containers/{id}/logs?stdout&stderr&timestamps&details&since&until&tail&follow`: what is in the log's files, and, where it is
 * followed, what comes until the container ends. Throws a {@link Refusal} before it sends anything.
 */
export function streamLogs(
  model: DockerModel,
  container: DockerContainer,
  query: URLSearchParams,
  response: ServerResponse,
  clock: Clock,
): void {
  const wanted = readWanted(query)
  startChunks(response, { clock })
  const follows = wanted.follow && container.status === 'running'
  const coming = follows ? follow(model, container, response) : ended
  // In one go with the beginning of following: nothing is missing between, and nothing comes twice.
  const written = readLog(container, wanted.tail)
  void send(response, wanted, written, coming).catch(() => response.destroy())
}

function readWanted(query: URLSearchParams): Wanted {
  const tail = query.get('tail') ?? ''
  return {
    streams: new Set(['stdout', 'stderr'].filter((name) => isSet(query, name))),
    timestamps: isSet(query, 'timestamps'),
    details: isSet(query, 'details'),
    since: timestamp(query, 'since') ?? 0n,
    until: timestamp(query, 'until'),
    tail: /^\d{1,9}$/.test(tail) ? Number(tail) : undefined,
    follow: isSet(query, 'follow'),
  }
}

/** What comes after the files were read: `next` resolves with undefined when nothing will. */
interface Coming {
  next(): Promise<LogRecord[] | undefined>
}

const ended: Coming = { next: () => Promise.resolve(undefined) }

function follow(model: DockerModel, container: DockerContainer, response: ServerResponse): Coming {
  let waiting: LogRecord[] = []
  let over = false
  let wake = () => {}
  const unlisten = [
    container.onRecord((piece) => {
      waiting.push(asRead(piece))
      wake()
    }),
    model.onEvent(({ action, id }) => {
      if (id !== container.id || action !== 'die') return
      over = true
      wake()
    }),
  ]
  response.on('close', () => {
    for (const end of unlisten) end()
    over = true
    wake()
  })
  return {
    async next() {
      if (waiting.length === 0 && !over) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
      const records = waiting
      waiting = []
      return records.length === 0 ? undefined : records
    },
  }
}

/** As who reads the file would see it: bytes that are no UTF-8 are replaced there. */
function asRead({ stream, bytes, ended: whole, timeNs }: Piece): LogRecord {
  const text = JSON.parse(`"${escapeBytes(bytes)}"`) as string
  return { stream, line: Buffer.from(whole ? `${text}\n` : text), timeNs }
}

async function send(
  response: ServerResponse,
  wanted: Wanted,
  written: LogRecord[],
  coming: Coming,
): Promise<void> {
  let records: LogRecord[] | undefined = written
  while (records && !response.destroyed) {
    for (const record of records) {
      if (wanted.until !== undefined && record.timeNs > wanted.until) return void response.end()
      if (!wanted.streams.has(record.stream) || record.timeNs < wanted.since) continue
      // A slow reader makes it wait here; what comes meanwhile is kept.
      if (!response.write(frame(record, wanted))) await drained(response)
      if (response.destroyed) return
    }
    records = await coming.next()
  }
  response.end()
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off('drain', done)
      response.off('close', done)
      resolve()
    }
    response.on('drain', done)
    response.on('close', done)
  })
}

/** One frame a record, in a chunk of its own: the stream, three zeros, the length in four bytes, the line. */
function frame({ stream, line, timeNs }: LogRecord, { timestamps, details }: Wanted): Buffer {
  const before = `${timestamps ? `${nsToIso(timeNs)} ` : ''}${details ? ' ' : ''}`
  const body = Buffer.concat([Buffer.from(before), line])
  const header = Buffer.from([stream === 'stdout' ? 1 : 2, 0, 0, 0, 0, 0, 0, 0])
  header.writeUInt32BE(body.length, 4)
  return Buffer.concat([header, body])
}

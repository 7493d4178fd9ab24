import { Readable } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import { Trouble } from '../../pipeline/errors.ts'
import type { LogDoc } from '../../pipeline/event.ts'
import type { Logger } from '../../pipeline/log.ts'
import type { Tail, TailFilter } from '../api.ts'
import { lineFilterNames, readLineFilter, readParams, refusal } from '../params.ts'
import type { Context } from '../server.ts'

const maxTails = 50
/** How many characters wait for a slow reader before it loses lines (and is told how many). */
const maxWaiting = 4 * 1024 * 1024

/** New lines as they come: NDJSON, one `TailLine` a line, an empty line every ten seconds. Ends with the server. */
export function tailRoutes(app: FastifyInstance, context: Context): void {
  const { clock, services, tail, log, heartbeatMs = 10_000 } = context
  const open = new Set<Readable>()
  app.addHook('preClose', async () => {
    for (const stream of open) stream.destroy()
  })
  app.get('/api/tail', async (request, reply) => {
    const params = readParams(request.query, ['service', ...lineFilterNames], clock.now())
    const scope = await services.resolve(params.list('service'))
    const filter = { ...scope, ...readLineFilter(params) }
    if (open.size >= maxTails) {
      throw refusal(503, `${maxTails} live tails are open already`, 'close one and try again')
    }
    const stream = openTail({ tail, filter, heartbeatMs, log })
    open.add(stream)
    stream.once('close', () => open.delete(stream))
    reply.headers({ 'cache-control': 'no-store', 'x-accel-buffering': 'no' })
    return reply.type('application/x-ndjson; charset=utf-8').send(stream)
  })
}

export interface TailStreamOptions {
  tail: Tail
  filter: TailFilter
  heartbeatMs: number
  log: Logger
  maxWaiting?: number
}

/** A stream that never holds more than `maxWaiting` characters: what does not fit is counted in a `dropped` line. */
export function openTail(options: TailStreamOptions): Readable {
  const { tail, filter, heartbeatMs, log } = options
  const queue = boundedLines(options.maxWaiting ?? maxWaiting)
  const ended = new AbortController()
  let wanted = false
  const flush = () => {
    if (!wanted || queue.isEmpty() || stream.destroyed) return
    wanted = false
    stream.push(queue.take())
  }
  const stream = new Readable({
    read() {
      wanted = true
      flush()
    },
    destroy(error, done) {
      clearInterval(heartbeat)
      ended.abort()
      done(error)
    },
  })
  const say = (text: string) => {
    queue.add(text)
    flush()
  }
  const heartbeat = setInterval(() => say(''), heartbeatMs)
  heartbeat.unref()
  // The first empty line makes the headers go out, so that the reader knows that it is connected.
  say('')
  const onLines = (docs: LogDoc[]) => {
    for (const doc of docs) queue.add(doc)
    flush()
  }
  tail(filter, onLines, ended.signal)
    .catch((error: unknown) => {
      if (!(error instanceof Trouble)) log.error({ err: error }, 'live tail failed')
      say(JSON.stringify(failure(error)))
    })
    .finally(() => {
      if (!stream.destroyed) endAfter(stream, () => queue.take())
    })
    .catch((error: unknown) => log.error({ err: error }, 'live tail did not end'))
  return stream
}

function failure(error: unknown) {
  if (!(error instanceof Trouble)) return { error: 'the live tail failed', remedy: 'see the log' }
  return { error: error.message, ...(error.remedy && { remedy: error.remedy }) }
}

function endAfter(stream: Readable, rest: () => string): void {
  stream.push(rest())
  stream.push(null)
}

/** Lines in order; while lines have been dropped all later ones are, so that the count stands at its true place. */
function boundedLines(max: number) {
  let lines: string[] = []
  let size = 0
  let dropped = 0
  return {
    isEmpty: () => lines.length === 0 && dropped === 0,
    add(line: string | LogDoc) {
      if (dropped > 0 || size >= max) {
        if (typeof line !== 'string') dropped += 1
        return
      }
      const text = typeof line === 'string' ? line : JSON.stringify(line)
      lines.push(text)
      size += text.length
    },
    take(): string {
      if (dropped > 0) lines.push(JSON.stringify({ dropped }))
      const text = lines.map((line) => `${line}\n`).join('')
      lines = []
      size = 0
      dropped = 0
      return text
    },
  }
}

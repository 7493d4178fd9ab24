import { pause } from '../pipeline/clock.ts'
import { explain, Trouble } from '../pipeline/errors.ts'
import type { HttpClient } from '../pipeline/http.ts'
import type { Logger } from '../pipeline/log.ts'
import { openSse, type SseMessage } from './sse.ts'

export interface MarathonStreamOptions {
  client: HttpClient
  name: string
  log: Logger
  /** In the order in which they came. Nothing more is read before it resolves. */
  onMessages(messages: readonly SseMessage[]): Promise<void>
  /** A stream has begun: what happened before it was not told. */
  onConnected(): void
  /** They came, and come no more. */
  onLost?(): void
  /** When not even a heartbeat came for so long, the connection is taken for dead; 30 s unless set. */
  silentMs?: number
  firstRetryMs?: number
}

export interface MarathonStream {
  /** True while events come. */
  connected(): boolean
  close(): Promise<void>
}

const maxLength = 16 * 2 ** 20
const lastRetryMs = 30_000
/** A stream that lasted so long was a good one: after it the next is tried soon. */
const goodMs = 10_000

/** Used of all types of events; Marathon before 1.3.7 sends the others as well. */
const types = [
  'api_post_event',
  'app_terminated_event',
  'deployment_failed',
  'deployment_info',
  'deployment_step_failure',
  'deployment_step_success',
  'deployment_success',
  'group_change_success',
  'health_status_changed_event',
  'instance_changed_event',
  'instance_health_changed_event',
  'pod_created_event',
  'pod_deleted_event',
  'pod_updated_event',
  'scheduler_registered_event',
  'scheduler_reregistered_event',
  'status_update_event',
  'unhealthy_instance_kill_event',
  'unhealthy_task_kill_event',
  'unknown_instance_terminated_event',
]
const path = `/v2/events?${types.map((type) => `event_type=${type}`).join('&')}`

/**
 * Listens to Marathon's events, for ever. They have no ids and no replay, come in any order and get lost: a stream that
 * ends is simply begun again, and nobody may rely on it.
 */
export function openMarathonStream(options: MarathonStreamOptions): MarathonStream {
  const { client, name, log, onMessages, onConnected, onLost } = options
  const { silentMs = 30_000, firstRetryMs = 1_000 } = options
  const stopping = new AbortController()
  let isConnected = false

  async function listen(): Promise<void> {
    const silence = new AbortController()
    const { body } = await client.stream(path, {
      // Marathon answers 405 to anything else, also to a list that holds it.
      headers: { accept: 'text/event-stream' },
      signal: AbortSignal.any([stopping.signal, silence.signal]),
    })
    const sse = openSse({ maxLength })
    const timer = setTimeout(() => {
      silence.abort(new Trouble(`no event and no heartbeat for ${silentMs / 1000} s`))
    }, silentMs)
    isConnected = true
    onConnected()
    try {
      for await (const chunk of body) {
        const messages = sse.feed(chunk as Uint8Array)
        if (messages.length > 0) await onMessages(messages)
        timer.refresh()
      }
    } catch (error) {
      // What the library says of an abort says less.
      silence.signal.throwIfAborted()
      throw error
    } finally {
      clearTimeout(timer)
      isConnected = false
      if (!stopping.signal.aborted) onLost?.()
      body.destroy()
    }
  }

  async function keepListening(): Promise<void> {
    let retryMs = firstRetryMs
    let isTold = false
    while (!stopping.signal.aborted) {
      const begun = performance.now()
      try {
        await listen()
        isTold = false
      } catch (error) {
        if (stopping.signal.aborted) return
        if (!isTold) log.info({ collector: name, why: explain(error) }, 'no events of Marathon')
        isTold = true
      }
      if (performance.now() - begun >= goodMs) retryMs = firstRetryMs
      await pause(retryMs * (0.8 + Math.random() * 0.4), stopping.signal)
      retryMs = Math.min(retryMs * 2, lastRetryMs)
    }
  }

  const running = keepListening()
  return {
    connected: () => isConnected,
    async close() {
      stopping.abort()
      await running
    },
  }
}

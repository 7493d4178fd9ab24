import { createParser } from 'eventsource-parser'
import { Trouble } from '../pipeline/errors.ts'

export interface SseMessage {
  /** Of its `event:` line. */
  type?: string
  data: string
}

export interface Sse {
  /** The messages that these bytes complete. Throws a Trouble where one is longer than the limit. */
  feed(bytes: Uint8Array): SseMessage[]
}

/** Reads Server-Sent Events however they are cut: in the middle of a character, or of a line end (`\r`, `\n`). */
export function openSse({ maxLength }: { maxLength: number }): Sse {
  const decoder = new TextDecoder()
  let messages: SseMessage[] = []
  let isTooLong = false
  const parser = createParser({
    maxBufferSize: maxLength,
    onEvent: ({ event, data }) =>
      messages.push({ data, ...(event === undefined ? {} : { type: event }) }),
    onError: ({ type }) => {
      // All others concern lines that say nothing: they are skipped.
      if (type === 'max-buffer-size-exceeded') isTooLong = true
    },
  })
  return {
    feed(bytes) {
      parser.feed(decoder.decode(bytes, { stream: true }))
      if (isTooLong) {
        throw new Trouble(`an event is longer than ${maxLength} characters`, { retryable: true })
      }
      const complete = messages
      messages = []
      return complete
    },
  }
}

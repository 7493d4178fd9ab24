import type { Evidence } from './evidence.ts'
import type { Message } from './channels/channel.ts'
import type { Notification } from './records.ts'

interface Known {
  known: (fingerprint: string) => Notification | undefined
  evidence: Evidence | undefined
  publicUrl: string | undefined
  nowMs: number
}

export function renderGroup(_notification: unknown, _options: Known): Message {
  throw new Error('not yet')
}

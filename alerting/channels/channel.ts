import type { GroupNotification } from './group.ts'

/** A message as a channel needs it. */
export interface Message {
  incident: string
  state: 'firing' | 'resolved'
  subject: string
  text: string
  html: string
  /** The same however often it is sent, another for every other message: letters, digits, `-` and `.` alone. */
  id?: string
  /** What all messages of the group's life share; of such letters too. */
  thread?: string
  /** The alert's labels, `alertname` among them; for channels that choose by them where a message belongs. */
  labels?: Readonly<Record<string, string>>
  /** True where nobody can tell any longer whether the alert fires. */
  unknown?: boolean
  /** The same as data, for channels to programs: these tell of nothing else. */
  group?: GroupNotification
}

/** What became of a message for one target. */
export interface Delivery {
  target: string
  /** `refused`: trying the same again is no use until somebody mends something. `failed`: try again. */
  outcome: 'accepted' | 'refused' | 'failed'
  /** The answer of the other side, or what was in the way; one line. */
  detail: string
  /** True if the other side answered: then it is about this message, else about the way to it. */
  answered: boolean
  /** How long the other side, or our own rate limit, wants nothing; ms. */
  retryAfterMs?: number
}

/** A way to tell people. */
export interface Channel {
  name: string
  /** Where it leads, for messages to operators: `mail.example.com:587`. */
  address: string
  /** Who is told, each counted alone. */
  targets: readonly string[]
  /** Ends within a bounded time, with one delivery a target. Sending again must be seen as the same message. */
  send(message: Message, targets: readonly string[]): Promise<Delivery[]>
  close(): void
}

/** For channels to programs, which take no words. */
export function groupOnly(group: GroupNotification): Message {
  return { incident: '', state: 'firing', subject: '', text: '', html: '', group }
}

/** Nothing was sent, as something was in the way. */
export function failedDeliveries(targets: readonly string[], detail: string): Delivery[] {
  return targets.map((target) => ({ target, outcome: 'failed', detail, answered: false }))
}

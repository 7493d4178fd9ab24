/** What others may ask of the part that notifies: its alerts, its silences, and a place to post both. All times are ms. */

import type { OperatorFlags } from './matcher-operator.ts'

export type DeskLabels = Readonly<Record<string, string>>

export interface DeskAlert {
  labels: DeskLabels
  annotations: DeskLabels
  startsAt: number
  endsAt: number
  updatedAt: number
  generatorURL: string
  /** 16 hex digits, of the labels. */
  fingerprint: string
  /** Names, in the order of the routes that take the alert. */
  receivers: string[]
  state: 'active' | 'suppressed' | 'unprocessed'
  /** Ids of silences. */
  silencedBy: string[]
  /** Fingerprints of alerts. */
  inhibitedBy: string[]
  /** Names of time intervals; the same for all alerts of a group. */
  mutedBy: string[]
}

export interface DeskGroup {
  labels: DeskLabels
  /** Those of its route. */
  routeLabels?: DeskLabels
  receiver: string
  alerts: DeskAlert[]
}

export interface DeskMatcher extends OperatorFlags {
  name: string
  value: string
}

export interface DeskSilence {
  /** A UUID. */
  id: string
  matchers: DeskMatcher[]
  startsAt: number
  endsAt: number
  updatedAt: number
  createdBy: string
  comment: string
  state: 'pending' | 'active' | 'expired'
}

/** With the id of the silence that is to change; without one it is new. */
export type SilenceRequest = Omit<DeskSilence, 'id' | 'updatedAt' | 'state'> & { id?: string }

export interface PostedAlert {
  labels: DeskLabels
  annotations?: DeskLabels
  startsAt?: number
  /** Left out: as long as it is posted again within the resolve timeout. */
  endsAt?: number
  generatorURL?: string
}

export interface RefusedAlert {
  /** Its place among those that were posted. */
  index: number
  sentence: string
}

/** What became of a test of one receiver. */
export interface ReceiverTrial {
  receiver: string
  /** `email`, `webhook`, … */
  type: string
  target: string
  outcome: 'accepted' | 'refused' | 'failed'
  /** The answer of the other side, or what was in the way. */
  detail: string
}

export interface NotificationDesk {
  /** Its configuration as YAML, secrets as `<secret>`. */
  config(): string
  receivers(): string[]
  /** Of all that are not resolved. */
  alerts(): DeskAlert[]
  groups(): DeskGroup[]
  silences(): DeskSilence[]
  /**
   * Takes the good ones; tells of each other its place and why not. Resolves when they are written down, rejects with
   * Trouble that is retryable where that cannot be done now.
   */
  post(alerts: readonly PostedAlert[]): Promise<RefusedAlert[]>
  /** Resolves with the id when it holds; rejects with Trouble where it is refused. */
  setSilence(request: SilenceRequest): Promise<string>
  /** False where there is none. */
  expireSilence(id: string): Promise<boolean>
  /** Tells a receiver (all, where none is named) that nothing is wrong. Rejects with Trouble where there is no such receiver. */
  test(receiver?: string): Promise<ReceiverTrial[]>
}

/** A matcher that was read, and can be asked. */
export interface ReadMatcher extends DeskMatcher {
  /** Of a label's value; a missing label has the empty one. */
  test(value: string): boolean
}

/** Reads one matcher as Alertmanager's API does: `name=~"value"`. Throws Trouble. */
export type ParseMatcher = (text: string) => ReadMatcher

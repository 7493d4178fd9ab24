/** Who notifies, as the HTTP API and the CLI see it. Times are ms. */

export interface DeskAlert {
  labels: Readonly<Record<string, string>>
  annotations: Readonly<Record<string, string>>
  startsAt: number
  endsAt: number
  updatedAt: number
  generatorURL: string
  fingerprint: string
  receivers: string[]
  state: 'active' | 'suppressed' | 'unprocessed'
  silencedBy: string[]
  /** Fingerprints. */
  inhibitedBy: string[]
  /** Why else nobody is told. */
  mutedBy: string[]
}

export interface DeskGroup {
  labels: Readonly<Record<string, string>>
  receiver: string
  alerts: DeskAlert[]
}

export interface DeskMatcher {
  name: string
  value: string
  isRegex: boolean
  isEqual: boolean
}

export interface DeskSilence {
  id: string
  matchers: DeskMatcher[]
  startsAt: number
  endsAt: number
  updatedAt: number
  createdBy: string
  comment: string
  state: 'pending' | 'active' | 'expired'
}

export interface DeskSilenceRequest {
  /** Of one that is to change. */
  id?: string
  matchers: DeskMatcher[]
  startsAt: number
  endsAt: number
  createdBy: string
  comment: string
}

export interface DeskPostedAlert {
  labels: Readonly<Record<string, string>>
  annotations?: Readonly<Record<string, string>>
  startsAt?: number
  endsAt?: number
  generatorURL?: string
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
  /** Takes the good ones; tells of each other its place and why not. Resolves when they are written down. */
  post(alerts: readonly DeskPostedAlert[]): Promise<{ index: number; sentence: string }[]>
  /** Resolves with the id when it holds; rejects with Trouble where it is refused. */
  setSilence(request: DeskSilenceRequest): Promise<string>
  /** False where there is none. */
  expireSilence(id: string): Promise<boolean>
  /** Tells a receiver (all, where none is named) that nothing is wrong. Rejects with Trouble where there is no such receiver. */
  test(receiver?: string): Promise<ReceiverTrial[]>
}

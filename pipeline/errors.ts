/** What stopped, in words for the person who must mend it. */
export interface TroubleDetails {
  /** What would mend it, one sentence. */
  remedy?: string
  /** True where trying the same again later can succeed (the store is away, the disk is full). */
  retryable?: boolean
  cause?: unknown
}

/**
 * An expected failure. `message` names the thing (file, line, path, address); `remedy` says what to do.
 * Whether to retry is data, so that callers need not know every kind.
 */
export class Trouble extends Error {
  readonly remedy: string | undefined
  readonly retryable: boolean

  constructor(message: string, { remedy, retryable = false, cause }: TroubleDetails = {}) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'Trouble'
    this.remedy = remedy
    this.retryable = retryable
  }
}

export function isRetryable(error: unknown): boolean {
  return error instanceof Trouble && error.retryable
}

/** One line for a person: the message and, where there is one, the remedy. */
export function explain(error: unknown): string {
  if (error instanceof Trouble) {
    return error.remedy ? `${error.message}: ${error.remedy}` : error.message
  }
  return error instanceof Error ? error.message : String(error)
}

/** The `code` of a Node system error (`ENOENT`, `EADDRINUSE`), if it has one. */
export function errorCode(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code
  return typeof code === 'string' ? code : undefined
}

/** Sends requests to one receiver: not too many, and what became of them. */
import { pause, type Clock } from '../../pipeline/clock.ts'
import { verdictOf, type AnswerRules, type Verdict } from './answer.ts'
import { fullBucket, heldUntil, takeTurn, type Rate } from './rate.ts'
import type { ChannelRequest } from './request.ts'
import { exchange, type WireOptions } from './wire.ts'

export interface PostOptions extends WireOptions {
  clock: Clock
  rules: AnswerRules
  rate: Rate
  /** How long a request may wait for its turn, ms; what would wait longer has failed and comes again. */
  patienceMs: number
  /** What no detail may show. */
  secrets: readonly string[]
}

export interface Post {
  /** One after the other, until one is not accepted. Never rejects; ends within patience and time limit of each. */
  send(requests: readonly ChannelRequest[]): Promise<Verdict>
  /** Breaks off what is under way. */
  close(): void
}

export function openPost(options: PostOptions): Post {
  const { clock, rules, rate, patienceMs, secrets } = options
  const closing = new AbortController()
  let bucket = fullBucket(clock.now())
  /** How often the receiver has asked for a pause. */
  let pauses = 0

  async function sendOne(request: ChannelRequest): Promise<Verdict> {
    const stillToWait = await waitForTurn()
    if (stillToWait > 0) return heldBack(stillToWait)
    const answer = await exchange(request, options, closing.signal)
    const now = clock.now()
    const verdict = verdictOf(answer, rules, secrets, now)
    if (verdict.retryAfterMs !== undefined) {
      pauses++
      bucket = heldUntil(bucket, rate, now + verdict.retryAfterMs, now)
    }
    return verdict
  }

  /** Zero at its turn; otherwise how long that is still away (ms), which is more than patience allows. */
  async function waitForTurn(): Promise<number> {
    let patience = patienceMs
    for (;;) {
      const before = pauses
      const { taken, waitMs, bucket: next } = takeTurn(bucket, rate, clock.now(), patience)
      bucket = next
      if (!taken) return waitMs
      if (waitMs > 0) await pause(waitMs, closing.signal)
      // A turn that was given before the receiver asked for a pause is none any more.
      if (pauses === before || closing.signal.aborted) return 0
      patience -= waitMs
    }
  }

  return {
    async send(requests) {
      let verdict: Verdict = { outcome: 'accepted', answered: false, detail: 'nothing to send' }
      for (const request of requests) {
        verdict = await sendOne(request)
        if (verdict.outcome !== 'accepted') break
      }
      return verdict
    },
    close: () => closing.abort(),
  }
}

function heldBack(waitMs: number): Verdict {
  const detail = `held back for ${Math.ceil(waitMs / 1000)} s: too many at once`
  return { outcome: 'failed', answered: false, detail, retryAfterMs: waitMs }
}

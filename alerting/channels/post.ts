/** Sends requests to one receiver: not too many, and what became of them. */
import { pause, type Clock } from '../../pipeline/clock.ts'
import { detailOf, verdictOf, type AnswerRules, type Verdict } from './answer.ts'
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
  /** Until when the receiver wants nothing, ms. */
  let quietUntil = 0

  async function sendOne(request: ChannelRequest): Promise<Verdict> {
    const turn = takeTurn(bucket, rate, clock.now(), patienceMs)
    ;({ bucket } = turn)
    if (!turn.taken) return heldBack(turn.waitMs)
    if (turn.waitMs > 0) await pause(turn.waitMs, closing.signal)
    // It may have said so meanwhile.
    const quietMs = quietUntil - clock.now()
    if (quietMs > 0) return heldBack(quietMs)
    const answer = await exchange(request, options, closing.signal)
    const now = clock.now()
    const verdict = verdictOf(answer, rules, secrets, now)
    if (verdict.retryAfterMs !== undefined) {
      quietUntil = now + verdict.retryAfterMs
      bucket = heldUntil(bucket, rate, quietUntil, now)
    }
    return verdict
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
  const detail = detailOf(`held back for ${Math.ceil(waitMs / 1000)} s: too many at once`, [])
  return { outcome: 'failed', answered: false, detail, retryAfterMs: waitMs }
}

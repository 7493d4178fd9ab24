/** What the wish comes to, in a sentence, and what would change it. */
import type { DecisionReason, Outlook } from '../pipeline/decision.ts'
import { noEvents } from './changes.ts'
import type { Verdict } from './facts.ts'
import { clamp, type Limited } from './hpa/limits.ts'
import { isProposal, type Proposal } from './hpa/proposal.ts'
import type { Recommendation } from './hpa/stabilize.ts'
import { stabilizing, turningPoints, type Stays } from './outlook.ts'
import { isRateLimit, rateOutlook, rateWords, type RateContext } from './rates.ts'
import type { TargetProposal } from './target-parts.ts'
import type { WishInput } from './wish.ts'
import { counted, listed, number } from './words.ts'

export interface Decisive {
  target: TargetProposal
  proposal: Proposal
}

/** The number of instances behind each step. */
export interface Draft {
  raw: number
  /** Why nothing may be taken away. */
  thin: string | undefined
  covered: number
  stable: number
  limited: Limited
  decisive: Decisive
}

export function rateContext({ policy, memory, situation, ts }: WishInput): RateContext {
  return { policy, events: memory.events ?? noEvents, current: situation.wanted, ts }
}

export function verdictOf(
  input: WishInput,
  draft: Draft,
  recommendations: readonly Recommendation[],
): Verdict {
  const { policy, situation } = input
  const { wanted } = situation
  const { raw, stable, limited, decisive } = draft
  const { words } = decisive.target
  const context = rateContext(input)
  const rate = isRateLimit(limited) ? rateWords(stable, context) : undefined
  const next = rate === undefined ? [] : rateOutlook(stable, context)
  if (limited.replicas !== wanted) {
    const by = rate ?? 'limited by its policy'
    const bound = limited.replicas === stable ? '' : ` (asks for ${stable}, ${by})`
    return scaled(wanted, limited.replicas, words + bound, next)
  }
  const stays: Stays = (reason, because, outlooks) => {
    return { outcome: 'held', reason, to: wanted, because, step: 'outcome', next: outlooks }
  }
  if (draft.thin !== undefined) {
    return stays('thin-data', `${draft.thin}: nothing is taken away`, [
      { change: `scales down to ${raw}`, when: 'all its tasks are ready and measured' },
    ])
  }
  const ideal = clamp(draft.covered, policy)
  if (ideal.replicas === wanted && ideal.limit === 'TooManyReplicas') {
    return stays('at-maximum', `the maximum; ${words}, asks for ${draft.covered}`, [
      { change: `scales up to ${draft.covered}`, when: 'its policy allows more' },
    ])
  }
  if (ideal.replicas === wanted && ideal.limit === 'TooFewReplicas') {
    const because = `the minimum; ${words}, would do with ${draft.covered}`
    return stays('at-minimum', because, turningPoints(input))
  }
  if (rate !== undefined) {
    const asks = stable > wanted ? `it asks for ${stable}` : `${stable} would do`
    return stays('rate-limited', `${asks} (${words}), but ${rate}`, next)
  }
  if (stable !== draft.covered) {
    return stabilizing(input, { ideal: ideal.replicas, words }, recommendations, stays)
  }
  const { waits } = decisive.target
  if (waits) return stays('settling', `${words}; ${waits.because}`, [waits.next])
  const { reason, because } = calm(input, decisive)
  return stays(reason, because, turningPoints(input))
}

/** Why the load asks for as many as there are. */
function calm(
  { policy, situation }: WishInput,
  { target, proposal }: Decisive,
): { reason: DecisionReason; because: string } {
  const { words } = target
  const { kept, refilled, ratio } = proposal
  if (kept === undefined) return { reason: 'no-change', because: words }
  const { unready } = situation.groups
  if (refilled && ratio < 1) {
    return {
      reason: 'thin-data',
      because: `${words}; with those not measured it is no reason to shrink`,
    }
  }
  if (refilled && unready.length > 0) {
    const because = `${words}; ${counted(unready.length, 'instance')} not ready yet will take a part`
    return { reason: 'not-running', because }
  }
  if (kept !== 'tolerance') return { reason: 'no-change', because: words }
  const because = `${words}: within ${number(policy.tolerance * 100)} %`
  return { reason: 'within-tolerance', because }
}

export function unknown({ situation, targets }: WishInput): Verdict {
  const { wanted } = situation
  const failed = targets.filter(({ proposed }) => !isProposal(proposed))
  const names = listed([...new Set(failed.map(({ input }) => input.signal))])
  const words = listed(failed.map((target) => target.words))
  const others = failed.length < targets.length
  const because = others ? `${words}, and the others alone may not take instances away` : words
  const next = [{ change: 'goes on', when: `${names} has a value` }]
  return { outcome: 'held', reason: 'no-data', to: wanted, because, step: 'outcome', next }
}

export function scaled(wanted: number, to: number, because: string, next: Outlook[] = []): Verdict {
  const reason = to > wanted ? 'scaled-up' : 'scaled-down'
  return { outcome: 'scaled', reason, to, because, step: 'outcome', next }
}

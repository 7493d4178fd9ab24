/** What would change an outcome, and when. */
import type { DecisionReason, Outlook, TargetInput } from '../pipeline/decision.ts'
import type { Verdict } from './facts.ts'
import { clamp } from './hpa/limits.ts'
import { isProposal } from './hpa/proposal.ts'
import type { Recommendation } from './hpa/stabilize.ts'
import type { WishInput } from './wish.ts'
import { number, quantity, span } from './words.ts'

/** A verdict that leaves the instances as they are. */
export type Stays = (reason: DecisionReason, because: string, next: Outlook[]) => Verdict

/** A recommendation within the window speaks against it: until when, and what is possible then. */
export function stabilizing(
  { policy, ts, situation }: WishInput,
  { ideal, words }: { ideal: number; words: string },
  recommendations: readonly Recommendation[],
  stays: Stays,
): Verdict {
  const { wanted } = situation
  const down = ideal < wanted
  const windowMs = down ? policy.stabilizationDownMs : policy.stabilizationUpMs
  const binding = recommendations.findLast(
    (one) => one.ts <= ts && (down ? one.replicas >= wanted : one.replicas <= wanted),
  )
  const atMs = (binding?.ts ?? ts) + windowMs
  const recommended = binding?.replicas ?? wanted
  const because = down
    ? `${ideal} would do (${words}), but ${recommended} were recommended within the last ${span(windowMs)}`
    : `it asks for ${ideal} (${words}), but did not all of the last ${span(windowMs)}`
  // By then the next of them may bind.
  const later = recommendations.filter((one) => one.ts > (binding?.ts ?? ts))
  const replicas = [ideal, ...later.map((one) => one.replicas)]
  const to = clamp(down ? Math.max(...replicas) : Math.min(...replicas), policy).replicas
  const change = `scales ${down ? 'down' : 'up'} to ${to}`
  const when = `the recommendation of ${recommended} leaves the stabilization window`
  return stays('stabilizing', because, [{ change, when, atMs }])
}

/** How far the decisive values have to go before anything happens. */
export function turningPoints({ policy, targets, situation }: WishInput): Outlook[] {
  const { min, max, tolerance } = policy
  const { wanted } = situation
  const known = targets.filter(({ proposed }) => isProposal(proposed))
  const edges = (side: 'above' | 'below', factor: number) =>
    known.flatMap(({ input, bounds }) => {
      const edge = bounds ? bounds[side] : input.target * factor
      return edge === undefined ? [] : edgeWords(input, side, edge)
    })
  const up = wanted < max ? edges('above', 1 + tolerance).join(' or ') : ''
  const down = wanted > min ? edges('below', 1 - tolerance).join(' and ') : ''
  return [
    ...(up === '' ? [] : [{ change: 'scales up', when: up }]),
    ...(down === '' ? [] : [{ change: 'scales down', when: down }]),
  ]
}

function edgeWords({ signal, kind, unit }: TargetInput, side: string, edge: number): string {
  const bound = unit?.startsWith('/') ? number(edge) : quantity(edge, unit)
  return `${signal} is ${side} ${bound}${kind === undefined ? ' each' : ''}`
}

/** What a target says of itself, for people. */
import type { TargetInput } from '../pipeline/decision.ts'
import type { Proposal } from './hpa/proposal.ts'
import type { TargetContext } from './target-parts.ts'
import { counted, number, quantity } from './words.ts'

export interface Target {
  signal: string
  kind?: TargetInput['kind']
  target: number
  unit: string | undefined
}

/** The calculation: `4 × 31.2/s ÷ 20/s = 6.24, rounded up 7`. */
export function howOf(
  { ratio, refilled, kept, replicas }: Proposal,
  { target, unit }: Target,
  value: number,
  { tolerance, wanted, groups, ready }: TargetContext,
  total: number | undefined,
): string {
  const within = `within ${number(tolerance * 100)} %, as many as now`
  const of = `${quantity(value, unit)} ÷ ${quantity(target, unit)}`
  if (refilled) {
    const counts = ratio > 1 ? 'as idle' : 'as at the target'
    const all = `${number(refilled.ratio)} with the ${counted(refilled.count, 'task')} there are, those not measured or not ready counted ${counts}`
    if (kept === 'tolerance') return `${of} = ${number(ratio)}, ${all}: ${within}`
    if (kept) return `${of} = ${number(ratio)}, ${all}: no reason to move, ${wanted} as now`
    return `${of} = ${number(ratio)}, ${all}: × ${refilled.count} = ${number(refilled.ratio * refilled.count)}, rounded up ${replicas}`
  }
  if (kept === 'tolerance') return `${of} = ${number(ratio)}: ${within}`
  if (kept) return `${of} = ${number(ratio)}: no reason for fewer, ${wanted} as now`
  if (total !== undefined) {
    return `${quantity(total, unit)} ÷ ${quantity(target, unit)} = ${number(total / target)}, rounded up ${replicas}`
  }
  const count = groups.ready.length > 0 ? groups.ready.length : ready
  return `${count} × ${of} = ${number(ratio * count)}, rounded up ${replicas}`
}

/** Tasks that were measured, of those that should be. */
export interface Coverage {
  measured: number
  expected: number
}

/** `requests 71.3/s over 2 ready instances is 35.7 each, target 15` */
export function totalWords(
  { signal, target, unit }: Target,
  total: number,
  ready: number,
  coverage?: Coverage,
): string {
  const over =
    coverage && coverage.measured < coverage.expected
      ? `${coverage.measured} of ${counted(coverage.expected, 'task')}`
      : counted(ready, 'ready instance')
  const each = ready > 0 ? ` is ${plain(total / ready, unit)} each` : ''
  return `${signal} ${quantity(total, unit)} over ${over}${each}, target ${plain(target, unit)}`
}

/** `cpu is 93 % on average over 2 tasks, target 60 %` */
export function averageWords({ signal, target, unit }: Target, value: number, coverage: Coverage) {
  const { measured, expected } = coverage
  const over =
    measured < expected ? `${measured} of ${counted(expected, 'task')}` : counted(measured, 'task')
  const average = measured === 1 ? '' : ' on average'
  return `${signal} is ${quantity(value, unit)}${average} over ${over}, target ${quantity(target, unit)}`
}

/** `behind is 95, target 30` */
export function valueWords({ signal, target, unit }: Target, value: number): string {
  return `${signal} is ${quantity(value, unit)}, target ${quantity(target, unit)}`
}

/** The unit of a rate stands in the sentence already. */
const plain = (value: number, unit: string | undefined) =>
  unit?.startsWith('/') ? number(value) : quantity(value, unit)

export function thinWords(
  signal: string,
  { measured, expected }: Coverage,
  unsure: string | undefined,
) {
  const because = unsure === undefined ? '' : ` (${unsure})`
  return `${signal} was measured of ${measured} of ${counted(expected, 'task')}${because}`
}

/** Kubernetes leaves these out where it goes down: the work of three ill instances would be as if it were none. */
export function unreadyWords(signal: string, unready: number) {
  return `${signal} says nothing of ${counted(unready, 'instance')} not ready`
}

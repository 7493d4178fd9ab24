/** Parts of a policy as one flat text, for labels and environment variables. */
import type { RatePolicy, ScalingStep } from '../pipeline/decision.ts'
import { parseDuration } from '../pipeline/duration.ts'
import { parseAmount, parseQuantity } from '../pipeline/quantity.ts'

/** `4/15s, 100%/15s` */
export function parseRates(text: string): RatePolicy[] | undefined {
  return listOf(text, (part) => {
    const [most = '', per = '', ...more] = part.split('/')
    const amount = parseAmount(most.trim())
    const perMs = parseDuration(per.trim())
    return amount && perMs && more.length === 0 ? { ...amount, perMs } : undefined
  })
}

/** `cpu > 80% +2, cpu > 95% +50%, cpu < 30% -1` */
export function parseSteps(text: string): ScalingStep[] | undefined {
  return listOf(text, (part) => {
    const match = /^([a-z][a-z0-9_]*) ?([<>]) ?([\d.]+ ?%?) ?([+-]) ?(\d+ ?%?)$/.exec(part)
    const [, signal = '', side, bound = '', sign, change = ''] = match ?? []
    const value = parseQuantity(bound.trim())
    const amount = parseAmount(change)
    if (value === undefined || !amount || (side === '>') !== (sign === '+')) return undefined
    return side === '>'
      ? { signal, above: value, add: amount }
      : { signal, below: value, remove: amount }
  })
}

function listOf<T>(text: string, read: (part: string) => T | undefined): T[] | undefined {
  const parts = text.split(',').map((part) => read(part.trim().replace(/\s+/g, ' ')))
  const sound = parts.filter((part) => part !== undefined)
  return sound.length === parts.length ? sound : undefined
}

import type { Amount } from './decision.ts'

/** `0.6`, `.5`, `200`, `60%` (which is 0.6); undefined if the text is none of these. */
export function parseQuantity(text: string): number | undefined {
  const match = /^(\d{0,12}\.?\d{1,12})( ?%)?$/.exec(text)
  if (!match) return undefined
  // Not × 0.01: 7 % of it would be 0.07000000000000001.
  return match[2] === undefined ? Number(match[1]) : Number(match[1]) / 100
}

/** `2` or `50%`, above zero. */
export function parseAmount(text: string): Amount | undefined {
  const match = /^(\d{1,6})( ?%)?$/.exec(text)
  const value = Number(match?.[1] ?? 0)
  if (value < 1 || value > 100_000) return undefined
  return match?.[2] === undefined ? { count: value } : { percent: value }
}

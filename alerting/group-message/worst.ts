import { labelOf } from '../stages/labels.ts'
import type { ToldAlert } from './told.ts'

/** How bad people mean an alert to be; words that are not among them count as a warning. */
const ranks: ReadonlyMap<string, number> = new Map([
  ...['critical', 'page', 'emergency', 'fatal', 'disaster'].map((word) => [word, 4] as const),
  ...['error', 'high', 'major'].map((word) => [word, 3] as const),
  ...['warning', 'warn', 'medium', 'minor', 'average'].map((word) => [word, 2] as const),
  ...['info', 'information', 'low', 'notice', 'none'].map((word) => [word, 1] as const),
])

/** The worst first: by severity, by how far the value is beyond its threshold, then whichever has been so longer. */
export function worstFirst(alerts: readonly ToldAlert[]): ToldAlert[] {
  return alerts
    .map((told) => ({ told, rank: rankOf(told), excess: excessOf(told) }))
    .toSorted(
      (a, b) => b.rank - a.rank || compare(b.excess, a.excess) || a.told.since - b.told.since,
    )
    .map(({ told }) => told)
}

function rankOf({ alert }: ToldAlert): number {
  return ranks.get(labelOf(alert.labels, 'severity').toLowerCase()) ?? 2
}

/** Two may be infinite. */
const compare = (a: number, b: number) => Number(a > b) - Number(a < b)

/** How many times the threshold; 0 where nothing is compared. */
function excessOf({ known }: ToldAlert): number {
  if (!known || known.alert.threshold === undefined) return 0
  const { value: now, peak, threshold } = known.alert
  const value = known.state === 'firing' ? now : peak
  const [larger, smaller] = known.facts.lowIsWorse ? [threshold, value] : [value, threshold]
  if (smaller > 0) return Math.max(0, larger / smaller) || 0
  return larger > smaller ? Infinity : 0
}

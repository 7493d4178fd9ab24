import {
  addToDistinct,
  decodeDistinct,
  encodeDistinct,
  mergeIntoDistinct,
  openDistinct,
  type Distinct,
} from './distinct.ts'
import type { SignalBucket } from './event.ts'
import { addTo, decodeSketch, encodeSketch, mergeInto, openSketch, type Sketch } from './sketch.ts'

/** What a bucket holds of its values beside sums: as it is added to and merged, not as it is written. */
export interface Distribution {
  sketch?: Sketch
  distinct?: Distinct
}

export const emptyDistribution = (): Distribution => ({})

/** Undefined where the bucket has none. Throws TypeError where it is none. */
export function distributionOf({
  sketch,
  distinct,
}: Pick<SignalBucket, 'sketch' | 'distinct'>): Distribution | undefined {
  if (sketch === undefined && distinct === undefined) return undefined
  return {
    ...(sketch === undefined ? {} : { sketch: decodeSketch(sketch) }),
    ...(distinct === undefined ? {} : { distinct: decodeDistinct(distinct) }),
  }
}

export function addNumber(distribution: Distribution, value: number): void {
  addTo((distribution.sketch ??= openSketch()), value)
}

export function addTerm(distribution: Distribution, term: string): void {
  addToDistinct((distribution.distinct ??= openDistinct()), term)
}

/** Adds the values of `other`. */
export function mergeDistribution(into: Distribution, { sketch, distinct }: Distribution): void {
  if (sketch) mergeInto((into.sketch ??= openSketch()), sketch)
  if (distinct) mergeIntoDistinct((into.distinct ??= openDistinct()), distinct)
}

/** As a bucket carries it. */
export function writtenDistribution({
  sketch,
  distinct,
}: Distribution): Pick<SignalBucket, 'sketch' | 'distinct'> {
  return {
    ...(sketch ? { sketch: encodeSketch(sketch) } : {}),
    ...(distinct ? { distinct: encodeDistinct(distinct) } : {}),
  }
}

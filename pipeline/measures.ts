/** Shares of the values that are no greater, in percent. */
export const percentiles = ['p5', 'p25', 'p50', 'p75', 'p90', 'p95', 'p99', 'p99.9'] as const
/** What needs a number of each line or sample. */
export const numeric = ['avg', 'sum', 'min', 'max', 'last', ...percentiles] as const
/** What is measured of the matching lines, samples or changes of a group. */
export const measures = ['rate', 'count', 'absent', 'cardinality', ...numeric] as const
export type Measure = (typeof measures)[number]

/** 0 to 1; undefined where the measure is none. */
export function quantileOf(measure: Measure | undefined): number | undefined {
  const found = percentiles.find((percentile) => percentile === measure)
  return found && Number(found.slice(1)) / 100
}

import type { Emit, Kind } from './kind.ts'

export interface MetricAggregationParameters {
  metric_agg_key: string
  metric_agg_type: string
  max_threshold?: number | undefined
  min_threshold?: number | undefined
  /** Of several fields, joined by a comma: the name of all. */
  query_key?: string | undefined
  compound_query_key?: readonly string[] | undefined
}

/** Matches when what was aggregated lies outside of its bounds; what has no value never does. */
export function metricAggregation(
  parameters: MetricAggregationParameters,
  _state: object,
  emit: Emit,
): Kind {
  const { metric_agg_key, metric_agg_type } = parameters
  const { max_threshold = Infinity, min_threshold = -Infinity } = parameters
  const name = `metric_${metric_agg_key}_${metric_agg_type}`
  return {
    addAggregate({ ms, keys, value }) {
      if (value === null || (value <= max_threshold && value >= min_threshold)) return
      // Under the name that all have ElastAlert gives it only where there is no compound key.
      const same = parameters.compound_query_key ? {} : { metric_agg_value: value }
      emit({ ms, fields: fieldsOf(keys, parameters), added: { [name]: value, ...same } })
    },
  }
}

export interface PercentageParameters {
  max_percentage?: number | undefined
  min_percentage?: number | undefined
  /** Of fewer events nothing is said. */
  min_denominator?: number | undefined
  query_key?: string | undefined
  compound_query_key?: readonly string[] | undefined
}

/** Matches when the share of matching events lies outside of its bounds, in percent. */
export function percentageMatch(
  parameters: PercentageParameters,
  _state: object,
  emit: Emit,
): Kind {
  const { max_percentage = Infinity, min_percentage = -Infinity } = parameters
  const { min_denominator = 0 } = parameters
  return {
    addShare({ ms, keys, matching, others }) {
      const denominator = matching + others
      if (denominator === 0 || denominator < min_denominator) return
      const percentage = (matching / denominator) * 100
      if (percentage <= max_percentage && percentage >= min_percentage) return
      emit({ ms, fields: fieldsOf(keys, parameters), added: { percentage, denominator } })
    },
  }
}

/** The group as fields; dotted names are nested, as in an event. */
function fieldsOf(
  keys: readonly string[],
  {
    query_key,
    compound_query_key,
  }: Pick<MetricAggregationParameters, 'query_key' | 'compound_query_key'>,
): Record<string, unknown> {
  const fields: Record<string, unknown> = {}
  if (keys.length === 0 || query_key === undefined) return fields
  if (!compound_query_key) {
    put(fields, query_key.split('.'), keys[0])
    return fields
  }
  for (const [index, name] of compound_query_key.entries()) fields[name] = keys[index]
  fields[query_key] = keys.join(',')
  return fields
}

function put(fields: Record<string, unknown>, path: readonly string[], value: unknown): void {
  const [first = '', ...rest] = path
  if (rest.length === 0) fields[first] = value
  else put((fields[first] ??= {}) as Record<string, unknown>, rest, value)
}

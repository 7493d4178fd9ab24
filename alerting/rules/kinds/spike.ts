import {
  keyOf,
  lookup,
  valueOfKey,
  allKey,
  type Aggregate,
  type Emit,
  type Kind,
  type KindEvent,
} from './kind.ts'
import { termEvent } from './frequency.ts'
import { extremeOf, meanOf, openWindow, push, type Counted, type EventWindow } from './window.ts'

export interface SpikeParameters {
  /** ms: of the window now, and of the one before it. */
  timeframe: number
  spike_height: number
  spike_type: 'up' | 'down' | 'both'
  threshold_ref?: number | undefined
  threshold_cur?: number | undefined
  query_key?: string | undefined
  /** Compares the mean of this field instead of the number of events. */
  field_value?: string | undefined
  /** Of an aggregation: what is compared. */
  metric_agg_type?: string | undefined
  alert_on_new_data?: boolean | undefined
}

export interface SpikeState {
  groups: Record<string, { reference: EventWindow; current: EventWindow }>
  /** By group, ms: its first event, and until when it is not looked at after a match. */
  first: Record<string, number>
  skipUntil: Record<string, number>
  isFilled: boolean
}

/** The group of events that have no value of `query_key`. */
const otherKey = keyOf('other')

/** Matches when the window now differs from the one before it by a factor of `spike_height`. */
export function spike(parameters: SpikeParameters, state: SpikeState, emit: Emit): Kind {
  const { timeframe, query_key, field_value, metric_agg_type } = parameters
  const { groups, first, skipUntil } = state

  function measure(window: EventWindow): number | undefined {
    if (field_value !== undefined || metric_agg_type === 'avg') return meanOf(window)
    if (metric_agg_type === 'min') return extremeOf(window, Math.min)
    if (metric_agg_type === 'max') return extremeOf(window, Math.max)
    return window.sum
  }

  function take(key: string, event: Counted): void {
    const begun = (first[key] ??= event.ms)
    const group = (groups[key] ??= { reference: openWindow(), current: openWindow() })
    for (const gone of push(group.current, event, timeframe)) push(group.reference, gone, timeframe)
    if (!isReady(key, event.ms, begun)) return
    const [reference, current] = [measure(group.reference), measure(group.current)]
    if (!isSpike(reference, current)) return
    const told = firstTold(group.current)
    const added = { spike_count: current ?? null, reference_count: reference ?? null }
    emit({ ms: told.ms, fields: told.fields, added })
    group.reference = openWindow()
    delete first[key]
    skipUntil[key] = told.ms + 2 * timeframe
  }

  /** Before two windows have passed only new groups of a rule that has run long enough are looked at, where that is wanted. */
  function isReady(key: string, ms: number, begun: number): boolean {
    if (ms - begun >= 2 * timeframe) return (state.isFilled = true)
    if (!state.isFilled || !query_key || !parameters.alert_on_new_data) return false
    return ms >= (skipUntil[key] ?? -Infinity)
  }

  /** The oldest that is one; where there is none, the newest. */
  function firstTold({ events }: EventWindow): Counted {
    const isReal = ({ placeholder, count }: Counted) =>
      field_value === undefined ? Boolean(count) : !placeholder
    return events.find(isReal) ?? (events.at(-1) as Counted)
  }

  function isSpike(reference: number | undefined, current: number | undefined): boolean {
    if (reference === undefined || current === undefined) return false
    const { spike_height, spike_type, threshold_cur = 0, threshold_ref = 0 } = parameters
    if (field_value === undefined) {
      if (current < threshold_cur || reference < threshold_ref) return false
    } else if (reference === 0 || current === 0) return false
    const isUp = current >= reference * spike_height
    const isDown = current <= reference / spike_height
    return (spike_type !== 'down' && isUp) || (spike_type !== 'up' && isDown)
  }

  function keyIn({ fields }: KindEvent): string {
    if (query_key === undefined) return allKey
    const value = lookup(fields, query_key)
    return value === undefined ? otherKey : keyOf(value)
  }

  return {
    add(events) {
      for (const event of events) {
        const count = field_value === undefined ? 1 : wholeOf(event.fields[field_value])
        if (count !== undefined) take(keyIn(event), { ...event, count })
      }
    },
    addCount: (ms, count) => take(allKey, { ms, fields: {}, count }),
    addTerms(ms, terms) {
      for (const { key, count } of terms) take(keyOf(key), termEvent(ms, query_key, key, count))
    },
    addAggregate({ ms, keys, value }: Aggregate) {
      const group = keys.join(',')
      const fields = keys.length === 0 || query_key === undefined ? {} : { [query_key]: group }
      take(keys.length === 0 ? allKey : keyOf(group), { ms, fields, count: value })
    },
    collect(now) {
      for (const [key, { reference, current }] of Object.entries(groups)) {
        if (key !== allKey && reference.sum === 0 && current.sum === 0) {
          delete groups[key]
          continue
        }
        const fields =
          key === allKey || query_key === undefined ? {} : { [query_key]: valueOfKey(key) }
        take(key, { ms: now, fields, count: 0, placeholder: true })
      }
    },
  }
}

/** A whole number, as it stands or cut off behind its point; undefined where it is none. */
function wholeOf(value: unknown): number | undefined {
  if (typeof value === 'boolean') return Number(value)
  if (typeof value === 'number') return Number.isFinite(value) ? Math.trunc(value) : undefined
  return typeof value === 'string' && /^\s*[+-]?\d+\s*$/.test(value) ? Number(value) : undefined
}

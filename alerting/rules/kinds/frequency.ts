import { allKey, keyOf, lookup, valueOfKey, type Emit, type Kind } from './kind.ts'
import { newestOf, openWindow, push, type Counted, type EventWindow } from './window.ts'

export interface FrequencyParameters {
  num_events: number
  /** ms */
  timeframe: number
  query_key?: string | undefined
}

export interface FrequencyState {
  windows: Record<string, EventWindow>
}

/** Matches when `num_events` events of a group lie within less than `timeframe`; then its count begins anew. */
export function frequency(
  { num_events, timeframe, query_key }: FrequencyParameters,
  state: FrequencyState,
  emit: Emit,
): Kind {
  function count(key: string, event: Counted): void {
    const window = (state.windows[key] ??= openWindow())
    push(window, event, timeframe)
    if (window.sum < num_events) return
    const { ms, fields } = newestOf(window)
    emit({ ms, fields, added: {} })
    delete state.windows[key]
  }

  return {
    add(events) {
      for (const event of events) count(groupOf(event.fields, query_key), { ...event, count: 1 })
    },
    addCount: (ms, n) => count(allKey, { ms, fields: {}, count: n }),
    addTerms(ms, terms) {
      for (const { key, count: n } of terms) {
        count(keyOf(key), termEvent(ms, query_key, key, n))
      }
    },
    collect(now) {
      for (const [key, window] of Object.entries(state.windows)) {
        if (now - newestOf(window).ms > timeframe) delete state.windows[key]
      }
    },
  }
}

export function groupOf(fields: Record<string, unknown>, queryKey: string | undefined): string {
  return queryKey === undefined ? allKey : keyOf(lookup(fields, queryKey))
}

export function termEvent(
  ms: number,
  queryKey: string | undefined,
  key: string,
  count: number,
): Counted {
  return { ms, fields: queryKey === undefined ? {} : { [queryKey]: key }, count }
}

export interface FlatlineParameters {
  threshold: number
  /** ms */
  timeframe: number
  query_key?: string | undefined
  /** A group that was told is forgotten until it is heard again. */
  forget_keys?: boolean | undefined
}

export interface FlatlineState extends FrequencyState {
  /** By group: from when on a whole timeframe must have passed, ms. */
  since: Record<string, number>
}

/** Matches when fewer than `threshold` events of a group lie within `timeframe`, at every run until that is over. */
export function flatline(
  { threshold, timeframe, query_key, forget_keys = false }: FlatlineParameters,
  state: FlatlineState,
  emit: Emit,
): Kind {
  const { windows, since } = state

  function put(key: string, event: Counted): EventWindow {
    const window = (windows[key] ??= openWindow())
    push(window, event, timeframe)
    return window
  }

  function check(key: string, window: EventWindow): void {
    const { ms, fields } = newestOf(window)
    since[key] ??= ms
    if (ms - since[key] < timeframe || window.sum >= threshold) return
    emit({ ms, fields, added: { key: valueOfKey(key) ?? null, count: window.sum, threshold } })
    if (forget_keys) {
      delete since[key]
      delete windows[key]
    } else since[key] = Math.min((window.events[0] as Counted).ms, ms - timeframe)
  }

  return {
    add(events) {
      let last: string | undefined
      for (const event of events) {
        last = groupOf(event.fields, query_key)
        put(last, { ...event, count: 1 })
      }
      // In the midst of what came together a count says nothing yet.
      const window = last === undefined ? undefined : windows[last]
      if (last !== undefined && window) check(last, window)
    },
    addCount: (ms, n) => check(allKey, put(allKey, { ms, fields: {}, count: n })),
    addTerms(ms, terms) {
      for (const { key: term, count } of terms) {
        const key = keyOf(term)
        check(key, put(key, termEvent(ms, query_key, term, count)))
      }
    },
    collect(now) {
      const known = Object.keys(windows)
      // Without groups it is known from the beginning that some should come.
      const keys = known.length > 0 || query_key !== undefined ? known : [allKey]
      for (const key of keys) {
        const window = put(key, { ms: now, fields: {}, count: 0 })
        since[key] ??= now
        check(key, window)
      }
    },
  }
}

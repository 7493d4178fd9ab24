import { get, stream } from './api.js'
import { openLineList } from './line-list.js'

/**
 * @typedef {object} FeedState
 * @property {any[]} lines newest first
 * @property {string | undefined} next cursor of the next older page
 * @property {boolean} loading
 * @property {any} error
 * @property {string[] | undefined} services the exact names that were searched
 * @property {'off' | 'connecting' | 'on' | 'lost'} live
 * @property {number} waiting new lines that are held back
 * @property {number} dropped lines the server could not send fast enough
 * @property {boolean} cut older lines were left out, to keep the page quick
 */

const pageSize = 200
const mostLive = 2000
/** Lines on their way to the store when the tail began: a second search finds them. */
const settleMs = 2500

/**
 * The lines of one search, page by page, and with `live` the new ones as they come.
 * @param {import('./api.js').Query} filter
 * @param {{ live: boolean, onChange: (state: FeedState) => void }} options
 */
export function openFeed(filter, { live, onChange }) {
  const { signal, abort } = aborter()
  const list = openLineList(live ? mostLive : Infinity)
  const holder = openHolder(list)
  const state = {
    next: /** @type {string | undefined} */ (undefined),
    loading: false,
    error: /** @type {unknown} */ (undefined),
    services: undefined,
    live: /** @type {FeedState['live']} */ (live ? 'connecting' : 'off'),
    dropped: 0,
  }
  const changed = oncePerFrame(() => {
    if (signal.aborted) return
    const { lines, cut } = list
    const next = cut ? undefined : state.next
    onChange({ ...state, lines, cut, next, waiting: holder.waiting() })
  })
  const search = async (/** @type {string | undefined} */ cursor) => {
    const page = await get('api/logs', { ...filter, limit: pageSize, cursor }, signal)
    list.add(page.hits)
    return page
  }
  const load = async (/** @type {string | undefined} */ cursor) => {
    state.loading = true
    changed()
    try {
      const { next, services } = await search(cursor)
      Object.assign(state, { next, services, error: undefined })
    } catch (error) {
      state.error = error
    }
    state.loading = false
    changed()
  }
  const settle = () => {
    if (!signal.aborted) search(undefined).then(changed, () => {})
  }
  if (live) {
    void follow(filter, signal, {
      onState(now) {
        state.live = now
        if (now === 'on') setTimeout(settle, settleMs)
        changed()
      },
      onLines(lines) {
        const failed = lines.find((line) => typeof line.error === 'string')
        if (failed) state.error = Object.assign(new Error(failed.error), { remedy: failed.remedy })
        for (const line of lines) state.dropped += line.dropped ?? 0
        holder.add(lines.filter((line) => typeof line['event.id'] === 'string'))
        changed()
      },
    })
  }
  void load(undefined)
  return {
    more() {
      if (!state.loading && state.next !== undefined) void load(state.next)
    },
    /** While somebody reads further down, new lines wait instead of pushing the text away. */
    hold(/** @type {boolean} */ on) {
      holder.hold(on)
      changed()
    },
    close: abort,
  }
}

function aborter() {
  const controller = new AbortController()
  return { signal: controller.signal, abort: () => controller.abort() }
}

/** A burst of batches is drawn once a frame; a hidden page gets no frames and catches up later. */
function oncePerFrame(/** @type {() => void} */ draw) {
  let drawing = false
  return () => {
    if (drawing) return
    drawing = true
    requestAnimationFrame(() => {
      drawing = false
      draw()
    })
  }
}

function openHolder(/** @type {ReturnType<typeof openLineList>} */ list) {
  /** @type {any[]} */
  let held = []
  let holding = false
  return {
    waiting: () => held.length,
    add(/** @type {any[]} */ docs) {
      if (holding) held = [...held, ...docs].slice(-mostLive)
      else list.add(docs)
    },
    hold(/** @type {boolean} */ on) {
      holding = on
      if (on) return
      list.add(held)
      held = []
    },
  }
}

/**
 * Keeps a live tail open, again and again, until the signal.
 * @param {import('./api.js').Query} filter
 * @param {AbortSignal} signal
 * @param {{ onState: (now: FeedState['live']) => void, onLines: (lines: any[]) => void }} told
 */
async function follow(filter, signal, { onState, onLines }) {
  const { service, query, level, task, grep } = filter
  let pause = 500
  while (!signal.aborted) {
    let open = false
    const onChunk = (/** @type {any[]} */ lines) => {
      if (!open) onState('on')
      open = true
      pause = 500
      if (lines.length > 0) onLines(lines)
    }
    try {
      await stream('api/tail', { service, query, level, task, grep }, onChunk, signal)
    } catch (error) {
      // What the asker did wrong does not get better by asking again.
      const { status = 0 } = /** @type {import('./api.js').ApiError} */ (error)
      if (status >= 300 && status < 500) return onState('off')
    }
    if (signal.aborted) return undefined
    onState('lost')
    await new Promise((resolve) => setTimeout(resolve, pause))
    pause = Math.min(pause * 2, 8000)
  }
  return undefined
}

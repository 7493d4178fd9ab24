import { get, stream } from './api.js'

/**
 * The lines of one search, newest first, and with `live` the new ones as they come. Nothing is shown twice: a line
 * may arrive both by the tail and by the search.
 *
 * @typedef {object} FeedState
 * @property {any[]} lines
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
/** Lines on their way to the store when the tail began: the second search finds them. */
const settleMs = 2500

/**
 * @param {import('./api.js').Query} filter
 * @param {{ live: boolean, onChange: (state: FeedState) => void }} options
 */
export function openFeed(filter, { live, onChange }) {
  const ended = new AbortController()
  const seen = new Set()
  /** @type {any[]} */
  let held = []
  let holding = false
  let drawing = false
  /** @type {FeedState} */
  const state = {
    lines: [],
    next: undefined,
    loading: true,
    error: undefined,
    services: undefined,
    live: live ? 'connecting' : 'off',
    waiting: 0,
    dropped: 0,
    cut: false,
  }
  const changed = () => {
    if (drawing) return
    drawing = true
    // A burst of batches is drawn once a frame; a hidden page gets no frames and catches up later.
    requestAnimationFrame(() => {
      drawing = false
      if (!ended.signal.aborted) onChange({ ...state, waiting: held.length })
    })
  }
  const add = (/** @type {any[]} */ docs) => {
    const fresh = docs.filter((doc) => !seen.has(doc['event.id']))
    for (const doc of fresh) seen.add(doc['event.id'])
    state.lines = merged(state.lines, fresh)
    if (live && state.lines.length > mostLive) {
      for (const doc of state.lines.splice(mostLive)) seen.delete(doc['event.id'])
      state.cut = true
      state.next = undefined
    }
  }
  const search = async (/** @type {boolean} */ first) => {
    const page = await get('api/logs', { ...filter, limit: pageSize }, ended.signal)
    add(page.hits)
    if (first) Object.assign(state, { next: page.next, services: page.services })
  }
  const load = async () => {
    try {
      await search(true)
    } catch (error) {
      if (!ended.signal.aborted) state.error = error
    }
    state.loading = false
    changed()
  }
  const more = async () => {
    if (state.loading || state.next === undefined) return
    state.loading = true
    changed()
    try {
      const query = { ...filter, limit: pageSize, cursor: state.next }
      const page = await get('api/logs', query, ended.signal)
      add(page.hits)
      state.next = page.next
      state.error = undefined
    } catch (error) {
      if (!ended.signal.aborted) state.error = error
    }
    state.loading = false
    changed()
  }
  const onTail = (/** @type {any[]} */ lines) => {
    if (state.live !== 'on') connected()
    const failure = lines.find((line) => typeof line.error === 'string')
    if (failure) state.error = Object.assign(new Error(failure.error), { remedy: failure.remedy })
    for (const line of lines) state.dropped += line.dropped ?? 0
    const docs = lines.filter((line) => typeof line['event.id'] === 'string')
    if (holding) held = [...held, ...docs].slice(-mostLive)
    else add(docs)
    changed()
  }
  const connected = () => {
    state.live = 'on'
    setTimeout(() => {
      if (!ended.signal.aborted) search(false).then(changed, () => {})
    }, settleMs)
  }
  const follow = async () => {
    const { service, query, level, task, grep } = filter
    for (let pause = 500; !ended.signal.aborted; pause = Math.min(pause * 2, 8000)) {
      try {
        await stream('api/tail', { service, query, level, task, grep }, onTail, ended.signal)
        pause = 500
      } catch (error) {
        // What the asker did wrong does not get better by asking again.
        const { status = 0 } = /** @type {import('./api.js').ApiError} */ (error)
        if (status >= 300 && status < 500) {
          state.live = 'off'
          return
        }
      }
      state.live = 'lost'
      changed()
      await new Promise((resolve) => setTimeout(resolve, pause))
    }
  }
  if (live) void follow()
  void load()
  return {
    more,
    /** While somebody reads further down, new lines wait instead of pushing the text away. */
    hold(/** @type {boolean} */ on) {
      if (on === holding) return
      holding = on
      if (!on) {
        add(held)
        held = []
      }
      changed()
    },
    close: () => ended.abort(),
  }
}

function merged(/** @type {any[]} */ lines, /** @type {any[]} */ fresh) {
  if (fresh.length === 0) return lines
  const sorted = fresh.toSorted(newestFirst)
  const newest = lines[0]
  const oldest = lines.at(-1)
  if (!newest || newestFirst(sorted.at(-1), newest) <= 0) return [...sorted, ...lines]
  if (newestFirst(oldest, sorted[0]) <= 0) return [...lines, ...sorted]
  return [...lines, ...sorted].toSorted(newestFirst)
}

function newestFirst(/** @type {any} */ a, /** @type {any} */ b) {
  if (a['@timestamp'] !== b['@timestamp']) return a['@timestamp'] < b['@timestamp'] ? 1 : -1
  return b['event.sequence'] - a['event.sequence']
}

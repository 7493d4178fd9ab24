import { openFeed } from '../feed.js'
import { html, useEffect, useRef, useState } from '../lib.js'
import { Empty, Failure, LevelTag, Loading, Task, Text, Time } from '../parts.js'
import { go, linkTo } from '../route.js'
import { plural } from '../text.js'
import { isoToMs } from '../time.js'
import { LineDetails } from './log-line.js'

/** The list: newest first, further pages as one scrolls, new lines on top while live. */
export const Lines = ({ filter, live, params, change, words }) => {
  const { state, feed } = useFeed(filter, live)
  const [open, setOpen] = useState(undefined)
  useEffect(() => setOpen(undefined), [filter])
  useExactService(state, params)
  useHold(feed, live, open !== undefined)
  if (!state) return html`<${Loading} />`
  const { lines, error, loading } = state
  if (lines.length === 0 && loading) return html`<${Loading} />`
  if (lines.length === 0 && error) return html`<${Failure} error=${error} />`
  return html`
    <${LiveBar} state=${state} feed=${feed} release=${() => setOpen(undefined)} />
    ${lines.length === 0 && html`<${NoLines} params=${params} change=${change} live=${live} />`}
    <div class="lines ${params.service ? '' : 'with-service'}" role="list">
      ${lines.map((doc) => {
        const id = doc['event.id']
        const toggle = () => setOpen(open === id ? undefined : id)
        return html`<${Line}
          key=${id}
          ...${{ doc, words, params, change, toggle, open: open === id }}
        />`
      })}
    </div>
    <${Failure} error=${error} />
    <${End} state=${state} feed=${feed} />
  `
}

function useFeed(filter, live) {
  const [state, setState] = useState(undefined)
  const feed = useRef(undefined)
  useEffect(() => {
    setState(undefined)
    feed.current = openFeed(filter, { live, onChange: setState })
    return () => feed.current.close()
  }, [filter, live])
  return { state, feed: feed.current }
}

/** `web` in the address becomes `/shop/web` once the server has said what it means. */
function useExactService(state, params) {
  const exact = state?.services?.length === 1 ? state.services[0] : undefined
  useEffect(() => {
    if (!exact || !params.service || exact === params.service) return
    go(linkTo('logs', { ...params, service: exact }), { replace: true })
  }, [exact, params.service])
}

/** New lines wait while one reads further down or in an open line. */
function useHold(feed, live, reading) {
  useEffect(() => {
    if (!live || !feed) return undefined
    const follow = () => feed.hold(reading || window.scrollY > 240)
    follow()
    window.addEventListener('scroll', follow, { passive: true })
    return () => window.removeEventListener('scroll', follow)
  }, [feed, live, reading])
}

const liveWords = {
  connecting: 'connecting …',
  on: 'new lines come in on top',
  lost: 'the connection is lost; trying again',
}

const LiveBar = ({ state, feed, release }) => {
  if (state.live === 'off') return null
  const show = () => {
    release()
    window.scrollTo({ top: 0 })
    feed.hold(false)
  }
  return html`<div class="live-bar live-${state.live}" role="status">
    <span class="live-dot"></span>${liveWords[state.live]}
    ${state.dropped > 0 && html`<b class="dropped">${plural(state.dropped, 'line')} came too fast and are not shown; search finds them</b>`}
    ${state.waiting > 0 && html`<button class="button primary small pill" onClick=${show}>${plural(state.waiting, 'new line')} ↑</button>`}
  </div>`
}

const NoLines = ({ params, change, live }) =>
  html`<${Empty} title=${live ? 'No matching line yet' : 'No line matches'}>
    <p>
      ${params.query && html`<button class="button" onClick=${() => change({ query: null })}>Without the query</button>`}
      ${
        (params.level || params.task || params.grep) &&
        html`<button
          class="button"
          onClick=${() => change({ level: null, task: null, grep: null })}
        >
          All levels and instances
        </button>`
      }
      ${params.from !== '24h' && html`<button class="button" onClick=${() => change({ from: '24h', to: null })}>Look at the last 24 hours</button>`}
      ${!live && html`<button class="button" onClick=${() => change({ live: '1', from: null, to: null })}>Wait for new lines</button>`}
    </p>
  <//>`

const Line = ({ doc, words, params, change, open, toggle }) => {
  const level = doc['log.level']
  const ms = isoToMs(doc['@timestamp'])
  const onClick = () => {
    // Choosing text to copy is no click.
    if (String(getSelection() ?? '') === '') toggle()
  }
  const onKeyDown = (event) => {
    if (event.key !== 'Enter' || event.target !== event.currentTarget) return
    toggle()
  }
  return html`<div class="line line-${level} ${open ? 'open' : ''}" role="listitem">
    <div
      class="line-head"
      tabindex="0"
      aria-expanded=${open}
      onClick=${onClick}
      onKeyDown=${onKeyDown}
    >
      <${Time} ms=${ms} fine />
      <${LevelTag} level=${level} />
      ${!params.service && html`<span class="line-service">${doc['service.name'] ?? 'unresolved'}</span>`}
      <${Task} task=${doc['mesos.task.id'] ?? doc['container.name'] ?? doc['container.id']} />
      <${Message} text=${doc.message} words=${words} whole=${open} />
    </div>
    ${open && html`<${LineDetails} id=${doc['event.id']} doc=${doc} params=${params} change=${change} words=${words} close=${toggle} />`}
  </div>`
}

const longest = 2000

/** One line; the rest of a stack trace when it is opened. */
export const Message = ({ text, words, whole }) => {
  const end = text.indexOf('\n')
  const first = end === -1 ? text : text.slice(0, end)
  const rest = end === -1 ? 0 : text.split('\n').length - 1
  if (whole) return html`<span class="message whole"><${Text} text=${text} words=${words} /></span>`
  return html`<span class="message">
    <${Text} text=${first.slice(0, longest)} words=${words} />
    ${first.length > longest && html`<em class="rest">${plural(first.length - longest, 'more character')}</em>`}
    ${rest > 0 && html`<em class="rest">+${plural(rest, 'line')}</em>`}
  </span>`
}

/** Loads the next page when it comes into view. */
const End = ({ state, feed }) => {
  const place = useRef(null)
  useEffect(() => {
    if (!place.current || !feed || state.next === undefined) return undefined
    const observer = new IntersectionObserver(([entry]) => entry?.isIntersecting && feed.more(), {
      rootMargin: '600px',
    })
    observer.observe(place.current)
    return () => observer.disconnect()
  }, [feed, state.next, state.loading])
  if (state.cut)
    return html`<p class="end">Older lines are left out while live; stop Live to page back.</p>`
  if (state.next === undefined) {
    return state.lines.length > 0 ? html`<p class="end">That is all in this time.</p>` : null
  }
  return html`<p class="end" ref=${place}>
    <button class="button" disabled=${state.loading} onClick=${() => feed.more()}>
      Older lines
    </button>
  </p>`
}

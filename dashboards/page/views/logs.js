import { get } from '../api.js'
import { Histogram } from '../histogram.js'
import { html, useEffect, useMemo } from '../lib.js'
import { Loading } from '../parts.js'
import { usePoll } from '../poll.js'
import { go, linkTo } from '../route.js'
import { wordsOf } from '../text.js'
import { now, relativeMs } from '../time.js'
import { Completeness } from './completeness.js'
import { Controls, chosenLevels } from './log-controls.js'
import { LineDetails } from './log-line.js'
import { Lines } from './log-lines.js'

const usualRange = '15m'

/** The lines of one service, or of all: query, levels, time, histogram, live tail; the address holds all of it. */
export const LogsView = ({ params }) => {
  const change = (patch, options) => go(linkTo('logs', { ...params, ...patch }), options)
  const range = useMemo(() => rangeOf(params), [params.from, params.to])
  const live = params.live === '1' && range.to === undefined
  const filter = useMemo(
    () => ({ ...filterOf(params), ...range, level: params.level?.split(',') }),
    [params.service, params.query, params.task, params.grep, params.level, range],
  )
  const histogram = usePoll(
    (signal) =>
      get('api/histogram', { ...filter, ...histogramRange(range), level: undefined }, signal),
    live ? 5000 : 0,
    [filter],
  )
  const services = usePoll((signal) => get('api/services', {}, signal), 15_000, [])
  const words = useMemo(() => wordsOf(params.query ?? ''), [params.query])
  useQueryKey()
  return html`<div class="logs">
    <${Controls}
      ...${{ params, change, range, live, histogram, services: services.data?.services }}
    />
    ${
      histogram.data &&
      html`<${Histogram}
        data=${histogram.data}
        shown=${chosenLevels(params)}
        onRange=${(from, to) => change({ from: isoOf(from), to: isoOf(to), live: null, id: null })}
      />`
    }
    ${!histogram.data && !histogram.error && html`<div class="histogram-space"><${Loading} /></div>`}
    <${Completeness} service=${params.service} range=${range} />
    ${params.id && html`<${Pinned} params=${params} change=${change} words=${words} />`}
    <${Lines} ...${{ filter, live, params, change, words }} />
  </div>`
}

/** The line a permalink points to, above the list, wherever the list begins. */
const Pinned = ({ params, change, words }) =>
  html`<section class="pinned" aria-label="chosen line">
    <${LineDetails}
      key=${params.id}
      id=${params.id}
      params=${params}
      change=${change}
      words=${words}
    />
  </section>`

const filterOf = ({ service, query, task, grep }) => ({ service, query, task, grep })

/** What the server is asked for; relative times stay relative, so that a repeated question moves on. */
function rangeOf({ from, to }) {
  return { from: from ?? usualRange, ...(to && { to }) }
}

/** A live histogram moves by whole buckets; a fixed one covers exactly the range that was asked for. */
function histogramRange({ from, to }) {
  const length = relativeMs(from)
  if (length === undefined || to) return { from, to }
  const end = now()
  return { from: Math.round(end - length), to: Math.round(end + 1) }
}

const isoOf = (ms) => new Date(ms).toISOString()

/** `/` goes to the query from anywhere on the page. */
function useQueryKey() {
  useEffect(() => {
    const focus = (event) => {
      const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target?.tagName ?? '')
      if (event.key !== '/' || typing || event.ctrlKey || event.metaKey || event.altKey) return
      event.preventDefault()
      document.querySelector('#query')?.focus()
    }
    window.addEventListener('keydown', focus)
    return () => window.removeEventListener('keydown', focus)
  }, [])
}

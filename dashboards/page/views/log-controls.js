import { html, useEffect, useState } from '../lib.js'
import { levels } from '../parts.js'
import { amount } from '../text.js'
import { relativeMs, span, utcShort } from '../time.js'

const ranges = {
  '5m': '5 minutes',
  '15m': '15 minutes',
  '1h': 'hour',
  '6h': '6 hours',
  '24h': '24 hours',
  '7d': '7 days',
  '30d': '30 days',
}

export const chosenLevels = ({ level }) => (level ? level.split(',') : levels)

/** Service, query, time and levels in two rows. */
export const Controls = ({ params, change, range, live, histogram, services }) =>
  html`<section class="controls">
    <div class="controls-row">
      <${ServiceChoice} service=${params.service} services=${services} change=${change} />
      <${QueryBox} query=${params.query ?? ''} change=${change} />
      <${RangeChoice} params=${params} range=${range} change=${change} />
      <button
        class="button live ${live ? 'on' : ''}"
        aria-pressed=${live}
        title="Show new lines as they come"
        onClick=${() => change(live ? { live: null } : { live: '1', to: null, from: relativeMs(params.from) ? params.from : null })}
      >
        <span class="live-dot"></span>Live
      </button>
    </div>
    <div class="controls-row">
      <${LevelChips} params=${params} counts=${countsOf(histogram.data)} change=${change} />
      <${Narrowed} params=${params} change=${change} />
      <span class="total">${totalOf(histogram.data, params)}</span>
    </div>
  </section>`

const ServiceChoice = ({ service = '', services = [], change }) => {
  const names = services.map((one) => one.service).toSorted((a, b) => a.localeCompare(b))
  if (service && !names.includes(service)) names.unshift(service)
  const choose = (event) => change({ service: event.target.value || null, task: null, id: null })
  return html`<label class="field service-choice">
    <span>Service</span>
    <select value=${service} onChange=${choose}>
      <option value="">all services</option>
      ${names.map((name) => html`<option key=${name} value=${name} selected=${name === service}>${name}</option>`)}
    </select>
  </label>`
}

const QueryBox = ({ query, change }) => {
  const [text, setText] = useState(query)
  useEffect(() => setText(query), [query])
  const submit = (event) => {
    event.preventDefault()
    change({ query: text.trim() || null, id: null })
  }
  return html`<form class="field query" role="search" onSubmit=${submit}>
    <span>Query</span>
    <input
      id="query"
      type="search"
      value=${text}
      spellcheck="false"
      autocomplete="off"
      maxlength="4000"
      placeholder='timeout, "connection refused", status:>=500, path:"/cart", a AND NOT b'
      aria-label="query"
      onInput=${(event) => setText(event.target.value)}
      onSearch=${submit}
      onKeyDown=${(event) => event.key === 'Escape' && event.target.blur()}
    />
    <kbd title="press / to come here">/</kbd>
  </form>`
}

/** How long ago, or the stretch that was chosen. */
export const RangeChoice = ({ params, range, change }) => {
  const relative = relativeMs(range.from) !== undefined && !range.to
  const choose = (event) => {
    if (event.target.value !== 'fixed') change({ from: event.target.value, to: null, id: null })
  }
  const unusual = relative && !(range.from in ranges)
  return html`<label class="field">
    <span>Time (UTC)</span>
    <select value=${relative ? range.from : 'fixed'} onChange=${choose}>
      ${!relative && html`<option value="fixed" selected>${fixedRange(params)}</option>`}
      ${unusual && html`<option value=${range.from}>last ${range.from}</option>`}
      ${Object.entries(ranges).map(
        ([value, name]) =>
          html`<option value=${value} selected=${relative && value === range.from}>
            last ${name}
          </option>`,
      )}
    </select>
  </label>`
}

function fixedRange({ from, to }) {
  const [start, end] = [from, to].map((text) => (text ? msOf(text) : undefined))
  if (start === undefined) return 'another time'
  if (end === undefined) return `since ${utcShort(start)}`
  return `${utcShort(start)} – ${utcShort(end)} (${span(end - start)})`
}

function msOf(text) {
  const ms = /^\d+$/.test(text) ? Number(text) : Date.parse(text)
  return Number.isNaN(ms) ? undefined : ms
}

function countsOf(data) {
  const counts = {}
  for (const bucket of data?.buckets ?? []) {
    for (const [level, count] of Object.entries(bucket.levels))
      counts[level] = (counts[level] ?? 0) + count
  }
  return counts
}

function totalOf(data, params) {
  if (!data) return ''
  const counts = countsOf(data)
  const total = chosenLevels(params).reduce((sum, level) => sum + (counts[level] ?? 0), 0)
  return `${amount(total)} ${total === 1 ? 'line' : 'lines'}`
}

/** Click chooses levels; none chosen means all. */
const LevelChips = ({ params, counts, change }) => {
  const chosen = params.level ? params.level.split(',') : []
  const toggle = (level) => {
    const next = chosen.includes(level) ? chosen.filter((one) => one !== level) : [...chosen, level]
    change({
      level: next.length === 0 || next.length === levels.length ? null : next.join(','),
      id: null,
    })
  }
  return html`<div class="chips" role="group" aria-label="levels">
    ${levels.map(
      (level) =>
        html`<button
          class="chip chip-${level} ${chosen.includes(level) ? 'on' : chosen.length > 0 ? 'off' : ''} ${counts[level] ? '' : 'none'}"
          aria-pressed=${chosen.includes(level)}
          onClick=${() => toggle(level)}
        >
          ${level}<b>${counts[level] ? amount(counts[level]) : ''}</b>
        </button>`,
    )}
  </div>`
}

/** What else narrows the list, each with its way out. */
const Narrowed = ({ params, change }) =>
  ['task', 'grep']
    .filter((name) => params[name])
    .map(
      (name) =>
        html`<button class="chip on" title="remove" onClick=${() => change({ [name]: null })}>
          ${name}: ${params[name]} <b>×</b>
        </button>`,
    )

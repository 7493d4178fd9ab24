import { html } from './lib.js'
import { linkTo } from './route.js'
import { ago, bothTimes, utcShort } from './time.js'
import { hue, marked, shortTask, visible } from './text.js'

export const levels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'unknown']

/** A time in UTC; the reader's own on hover. */
export const Time = ({ ms, fine = false }) =>
  html`<time datetime=${new Date(ms).toISOString()} title=${bothTimes(ms)}>
    ${utcShort(ms, fine)}
  </time>`

export const Ago = ({ ms }) =>
  html`<time datetime=${new Date(ms).toISOString()} title=${bothTimes(ms)}>${ago(ms)}</time>`

/** "since 18:20:11 UTC · 5 min" */
export const Since = ({ ms }) =>
  html`<span class="since"
    >since <b><${Time} ms=${ms} /> UTC</b> · ${ago(ms)}</span
  >`

/** What failed, and what to do. */
export const Failure = ({ error, retry }) =>
  error
    ? html`<div class="failure" role="alert">
        <b>${error.message}</b>
        ${error.remedy && html`<p>${error.remedy}</p>`}
        ${error.matches && html`<${Matches} names=${error.matches} />`}
        ${retry && html`<button class="button" onClick=${retry}>Try again</button>`}
      </div>`
    : null

const Matches = ({ names }) =>
  html`<ul>
    ${names.map((name) => html`<li><a href=${linkTo('logs', { service: name })}>${name}</a></li>`)}
  </ul>`

export const Empty = ({ title, children }) =>
  html`<div class="empty">
    <b>${title}</b>
    <div>${children}</div>
  </div>`

export const Loading = () => html`<div class="empty loading"><span class="spinner"></span></div>`

export const State = ({ state }) =>
  html`<span class="state state-${state}">${stateWords[state] ?? state}</span>`

const stateWords = {
  firing: 'firing',
  unknown: 'no data',
  pending: 'pending',
  silent: 'silent',
  ok: 'ok',
}

export const LevelTag = ({ level }) => html`<span class="level level-${level}">${level}</span>`

export const Task = ({ task }) =>
  html`<span class="task" title=${task} style=${{ '--hue': hue(task) }}>${shortTask(task)}</span>`

/** The task of a change; of its end, with the way to its post-mortem. */
export const TaskOrWhy = ({ of, task }) =>
  of['event.kind'] === 'task'
    ? html`<a href=${linkTo('why', { task })} title="why it ended"><${Task} task=${task} /></a>`
    : html`<${Task} task=${task} />`

/** Text from a log, with the words that were searched for marked. */
export const Text = ({ text, words = [] }) =>
  marked(visible(text), words).map((part, at) => (at % 2 === 1 ? html`<mark>${part}</mark>` : part))

const uuid = /\b([0-9a-f]{8})-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g

/** A sentence in which ids are cut to what tells them apart; in full on hover. */
export const Brief = ({ text }) =>
  html`<span title=${visible(text)}>${visible(text).replace(uuid, '$1…')}</span>`

/** Text with its http links made clickable. */
export const Linked = ({ text }) =>
  visible(text)
    .split(/(https?:\/\/[^\s<>"']+[^\s<>"'.,;:)\]])/g)
    .map((part, at) =>
      at % 2 === 1 ? html`<a href=${part} rel="noopener noreferrer">${part}</a>` : part,
    )

const width = 132
const height = 26

/** Lines over time as bars, errors in red in front. */
export const Sparkline = ({ spark }) => {
  if (!spark) return html`<span class="dim">–</span>`
  const top = Math.max(1, ...spark.lines)
  const step = width / spark.lines.length
  const bar = (count, at, name) => {
    if (count === 0) return null
    const tall = Math.max(1.5, (count / top) * height)
    return html`<rect
      class=${name}
      x=${at * step}
      y=${height - tall}
      width=${Math.max(1, step - 1)}
      height=${tall}
    />`
  }
  return html`<svg
    class="spark"
    viewBox="0 0 ${width} ${height}"
    width=${width}
    height=${height}
    role="img"
    aria-label="lines and errors over time"
  >
    ${spark.lines.map((count, at) => bar(count, at, 'spark-lines'))}
    ${spark.errors.map((count, at) => bar(count, at, 'spark-errors'))}
  </svg>`
}

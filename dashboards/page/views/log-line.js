import { get } from '../api.js'
import { html, useEffect, useState } from '../lib.js'
import { Failure, LevelTag, Loading, Time } from '../parts.js'
import { usePoll } from '../poll.js'
import { linkTo } from '../route.js'
import { safeLink, visible } from '../text.js'
import { isoToMs } from '../time.js'
import { Message } from './log-lines.js'

const step = 10
const most = 500

/** One line in full: what stands around it in its container, all its fields, and its own address. */
export const LineDetails = ({ id, params, change, words, close }) => {
  const [around, setAround] = useState({ before: step, after: step })
  const context = usePoll((signal) => get('api/logs/context', { id, ...around }, signal), 0, [
    id,
    around,
  ])
  const lines = context.data?.lines
  const doc = lines?.find((line) => line['event.id'] === id)
  const back = close ?? (() => change({ id: null }))
  useEscape(back)
  return html`<div class="details" onClick=${(event) => event.stopPropagation()}>
    <div class="details-bar">
      <b>${close ? 'Lines around it' : 'The line and what stands around it'}</b>
      <span class="dim">same container and stream, oldest first</span>
      <span class="push"></span>
      <${Actions} doc=${doc} id=${id} params=${params} change=${change} />
      <button class="button small" aria-label="close" title="Esc" onClick=${back}>×</button>
    </div>
    <${Failure} error=${context.error} retry=${context.reload} />
    ${!lines && !context.error && html`<${Loading} />`}
    ${lines && html`<${Around} ...${{ lines, id, around, setAround, words }} />`}
    ${doc && html`<${Fields} doc=${doc} />`}
  </div>`
}

function useEscape(back) {
  useEffect(() => {
    const onKey = (event) => event.key === 'Escape' && back()
    window.addEventListener('keydown', onKey)
    return () => window.removeEventListener('keydown', onKey)
  })
}

/** The address of this line: its service, five minutes around it, and its id. */
export function permalink(doc) {
  const ms = isoToMs(doc['@timestamp'])
  const at = (minutes) => new Date(ms + minutes * 60_000).toISOString()
  return linkTo('logs', {
    service: doc['service.name'],
    from: at(-5),
    to: at(5),
    id: doc['event.id'],
  })
}

const Actions = ({ doc, params, change }) => {
  const [copied, setCopied] = useState(false)
  if (!doc) return null
  const href = permalink(doc)
  const task = doc['mesos.task.id']
  const copy = async () => {
    await navigator.clipboard?.writeText(new URL(href, location.href).href)
    setCopied(true)
  }
  return html`
    ${task && task !== params.task && html`<button class="button small" onClick=${() => change({ task, id: null })}>Only this instance</button>`}
    <a class="button small permalink" href=${href}>Permalink</a>
    ${navigator.clipboard && html`<button class="button small" onClick=${copy}>${copied ? 'Copied' : 'Copy link'}</button>`}
  `
}

const Around = ({ lines, id, around, setAround, words }) => {
  const at = lines.findIndex((line) => line['event.id'] === id)
  const after = lines.length - at - 1
  const more = (side) => setAround({ ...around, [side]: Math.min(most, around[side] + 4 * step) })
  return html`<div class="around">
    ${at >= around.before && around.before < most && html`<button class="around-more" onClick=${() => more('before')}>earlier lines</button>`}
    ${lines.map(
      (line) =>
        html`<div
          key=${line['event.id']}
          class="around-line line-${line['log.level']} ${line['event.id'] === id ? 'chosen' : ''}"
        >
          <${Time} ms=${isoToMs(line['@timestamp'])} fine />
          <${LevelTag} level=${line['log.level']} />
          <${Message} text=${line.message} words=${words} whole=${line['event.id'] === id} />
        </div>`,
    )}
    ${after >= around.after && around.after < most && html`<button class="around-more" onClick=${() => more('after')}>later lines</button>`}
  </div>`
}

const Fields = ({ doc }) => {
  const json = parsed(doc.message)
  const fields = Object.entries(doc).filter(([name]) => name !== 'message')
  return html`<div class="fields-columns">
    <table class="fields">
      ${fields.map(
        ([name, value]) =>
          html`<tr key=${name}>
            <th>${name}</th>
            <td><${Value} name=${name} value=${value} /></td>
          </tr>`,
      )}
    </table>
    ${json && html`<pre class="json">${visible(JSON.stringify(json, null, 2))}</pre>`}
  </div>`
}

const Value = ({ name, value }) => {
  const text = visible(typeof value === 'object' ? JSON.stringify(value) : String(value))
  const href = name === 'mesoscope.runbook' ? safeLink(value) : undefined
  return href ? html`<a href=${href} rel="noopener noreferrer">${text}</a>` : text
}

function parsed(message) {
  if (!message.startsWith('{')) return undefined
  try {
    return JSON.parse(message)
  } catch {
    return undefined
  }
}

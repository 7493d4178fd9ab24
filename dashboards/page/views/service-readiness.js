import { get } from '../api.js'
import { html, useState } from '../lib.js'
import { Text } from '../parts.js'
import { usePoll } from '../poll.js'

const order = ['missing', 'unknown', 'accepted', 'ok']

/** Whether it is fit for production, and what is missing; on opening also what is as it should be. */
export const ReadinessPanel = ({ service }) => {
  const [all, setAll] = useState(false)
  const { data } = usePoll((signal) => get('api/readiness', { service }, signal), 15_000, [service])
  if (!data) return null
  const { fit, points, notUnderstood } = data.readiness
  const sorted = points.toSorted((a, b) => order.indexOf(a.status) - order.indexOf(b.status))
  const shown = all ? sorted : sorted.filter(({ status }) => status !== 'ok')
  const fine = points.length - points.filter(({ status }) => status !== 'ok').length
  return html`<h1>
      Readiness <span class="dim">${fit ? 'fit for production' : 'not fit for production'}</span>
    </h1>
    <table class="plain small-table readiness">
      <tbody>
        ${shown.map((one) => html`<${Point} key=${one.point} of=${one} />`)}
      </tbody>
    </table>
    ${notUnderstood.map((name) => html`<p class="dim" key=${name}>It accepts “${name}”, which is no finding.</p>`)}
    <button class="button small" aria-expanded=${all} onClick=${() => setAll(!all)}>
      ${all ? 'Hide' : 'Show'} ${fine} that are ok
    </button>`
}

const Point = ({ of }) =>
  html`<tr>
    <td class="narrow">
      <span class="readiness-status readiness-${of.status}">${of.status}</span>
    </td>
    <td class="narrow"><b>${of.point}</b></td>
    <td>
      <${Text} text=${of.reason} />
      ${of.remedy && html`<div class="dim"><${Text} text=${of.remedy} /></div>`}
    </td>
  </tr>`

import { html } from '../lib.js'
import { Text, Time } from '../parts.js'

/** Why nobody is told of an alert: who silenced it and until when, or which other alert tells it all. */
export const Muted = ({ told }) => {
  if (!told?.muted) return null
  const { silences, inhibitors } = told
  return html`<ul class="muted-by">
    ${silences.map(
      ({ id, createdBy, comment, endsAt }) =>
        html`<li key=${id}>
          silenced by <b><${Text} text=${createdBy} /></b> until
          <b> <${Time} ms=${Date.parse(endsAt)} /> UTC</b>: <${Text} text=${comment} />
        </li>`,
    )}
    ${inhibitors.map(
      ({ alertname = 'an alert', service = '' }) =>
        html`<li key=${alertname + service}>
          inhibited by <b><${Text} text=${alertname} /></b> <${Text} text=${service} />
        </li>`,
    )}
  </ul>`
}

/** Who is told. */
export const Receivers = ({ told }) => {
  if (!told || told.muted || told.receivers.length === 0) return null
  return html`<span class="dim">goes to <${Text} text=${told.receivers.join(', ')} /></span>`
}

import { post } from './api.js'
import { html, useState } from './lib.js'

/** Buttons that break one of the demo's services. */
export const DemoBar = ({ faults }) => {
  const [said, setSaid] = useState(undefined)
  const apply = async (fault) => {
    setSaid({ name: fault.name })
    try {
      await post('api/demo/faults', { name: fault.name })
      setSaid({
        name: fault.name,
        text: `${fault.sentence} – watch Services; the mail comes under Alerts.`,
      })
    } catch (error) {
      setSaid({ text: `${error.message}${error.remedy ? `: ${error.remedy}` : ''}` })
    }
  }
  return html`<aside class="demo">
    <b>Demo</b>
    <span class="dim">break it:</span>
    ${faults.map(
      (fault) =>
        html`<button
          class="button small"
          title=${fault.sentence}
          disabled=${said?.name === fault.name && !said.text}
          onClick=${() => apply(fault)}
        >
          ${fault.name}
        </button>`,
    )}
    <span class="demo-said" role="status">${said?.text}</span>
  </aside>`
}

import { post } from './api.js'
import { html, useState } from './lib.js'

/** What shows most in one click; the rest is in the list. */
const first = ['load-step', 'errors', 'oom', 'kill', 'deploy', 'calm']

/** What was done, and what is to be expected of it. */
const told = (done, sentence) => (done ? `${done}. ${sentence}` : sentence)

/** Buttons that break something in the demo's cluster. */
export const DemoBar = ({ faults }) => {
  const [said, setSaid] = useState(undefined)
  const apply = async (fault) => {
    if (!fault) return
    setSaid({ name: fault.name })
    try {
      const { done } = await post('api/demo/faults', { name: fault.name })
      setSaid({ name: fault.name, text: told(done, fault.sentence) })
    } catch (error) {
      setSaid({ text: `${error.message}${error.remedy ? `: ${error.remedy}` : ''}` })
    }
  }
  const named = (name) => faults.find((fault) => fault.name === name)
  const buttons =
    faults.length <= first.length ? faults : first.flatMap((name) => named(name) ?? [])
  const others = faults.filter((fault) => !buttons.includes(fault))
  return html`<aside class="demo">
    <b>Demo</b>
    <span class="dim">break it:</span>
    ${buttons.map(
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
    ${others.length > 0 && html`<${Others} faults=${others} apply=${(name) => apply(named(name))} />`}
    <span class="demo-said" role="status">${said?.text}</span>
  </aside>`
}

const Others = ({ faults, apply }) => {
  const choose = (event) => {
    apply(event.target.value)
    event.target.value = ''
  }
  return html`<select class="button small" aria-label="more faults" onChange=${choose}>
    <option value="">more …</option>
    ${faults.map(({ name, sentence }) => html`<option key=${name} value=${name} title=${sentence}>${name}</option>`)}
  </select>`
}

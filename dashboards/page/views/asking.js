import { html } from '../lib.js'
import { useTick } from '../poll.js'
import { now, relativeMs, utcShort } from '../time.js'

/* What a form asks of whoever does something for a time. */

export const bound = (value, set) => ({ value, onInput: (event) => set(event.target.value) })

/** One of some words, as chips. */
export const Choice = ({ legend, name, words, chosen, onChange, children }) =>
  html`<fieldset class="lengths">
    <legend>${legend}</legend>
    ${words.map(
      (one) =>
        html`<label key=${one} class="chip ${one === chosen ? 'on' : ''}">
          <input
            type="radio"
            name=${name}
            value=${one}
            checked=${one === chosen}
            onChange=${() => onChange(one)}
          />
          ${one}
        </label>`,
    )}
    ${children}
  </fieldset>`

/** For how long, and until when that is. */
export const Lengths = ({ lengths, length, onChange }) => {
  useTick(1000)
  return html`<${Choice}
    legend="For"
    name="length"
    words=${lengths}
    chosen=${length}
    onChange=${onChange}
  >
    <span class="dim">until ${utcShort(now() + relativeMs(length)).replace(/:\d\d$/, '')} UTC</span>
  <//>`
}

/** In whose name, and why; `first` is the field to begin in. */
export const WhoAndWhy = ({ who, setWho, why, setWhy, first, isKnown }) =>
  html`<label class="text-field">
      <span>Who</span>
      <input
        required
        maxlength="100"
        ref=${isKnown ? undefined : first}
        autocomplete="name"
        ...${bound(who, setWho)}
      />
    </label>
    <label class="text-field">
      <span>Why</span>
      <input required maxlength="500" ref=${isKnown ? first : undefined} ...${bound(why, setWhy)} />
    </label>`

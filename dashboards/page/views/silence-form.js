import { post } from '../api.js'
import { html, useEffect, useMemo, useRef, useState } from '../lib.js'
import { matchersText, operatorOf, operators, parseMatchers, withOperator } from '../matchers.js'
import { Failure, Text } from '../parts.js'
import { plural } from '../text.js'
import { now, relativeMs } from '../time.js'
import { rememberedWho, rememberWho } from '../who.js'
import { bound, Lengths, WhoAndWhy } from './asking.js'

const lengths = ['30m', '2h', '8h', '1d']
const usualLength = '2h'
/** While somebody types nothing is asked. */
const typingMs = 250
const mostShown = 8

/**
 * What is to be silenced (`text`: matchers in braces), for how long, by whom and why; with what it would mute.
 * `onDone` is called when it is silenced, `onClose` in any case.
 */
export const SilenceForm = ({ text, onDone, onClose }) => {
  const dialog = useRef(undefined)
  const { rows, change, add, isUnread } = useRows(text)
  const [length, setLength] = useState(usualLength)
  const [who, setWho] = useState(rememberedWho)
  const [why, setWhy] = useState('')
  const [{ busy, error }, setSending] = useState({})
  const matchers = rows
    .filter(({ used, matcher }) => used && matcher.name !== '')
    .map(({ matcher }) => matcher)
  const first = useRef(undefined)
  const [isKnown] = useState(who !== '')
  useEffect(() => {
    dialog.current.showModal()
    first.current.focus()
  }, [])
  const send = async (event) => {
    event.preventDefault()
    setSending({ busy: true })
    try {
      await post('api/v2/silences', wish({ matchers, length, who, why }))
      rememberWho(who)
      onDone()
      dialog.current?.close()
    } catch (error) {
      setSending({ error })
    }
  }
  return html`<dialog
    ref=${dialog}
    class="silencing"
    aria-labelledby="silencing"
    onClose=${onClose}
  >
    <form onSubmit=${send}>
      <h1 id="silencing">Silence</h1>
      ${isUnread && html`<p class="muting-wrong">This link names no labels that can be read.</p>`}
      <fieldset>
        <legend>Alerts with all of these labels</legend>
        ${rows.map((row, at) => html`<${Row} key=${at} row=${row} change=${(patch) => change(at, patch)} />`)}
        <button type="button" class="button small" onClick=${add}>Add a label</button>
      </fieldset>
      <${Lengths} lengths=${lengths} length=${length} onChange=${setLength} />
      <${WhoAndWhy} ...${{ who, setWho, why, setWhy, first, isKnown }} />
      <${Preview} matchers=${matchers} />
      <${Failure} error=${error} />
      <div class="silencing-end">
        <button class="button primary" disabled=${busy || matchers.length === 0}>Silence</button>
        <button type="button" class="button" onClick=${() => dialog.current.close()}>Cancel</button>
      </div>
    </form>
  </dialog>`
}

/** The matchers as they are edited; those that are left out stay to be taken again. */
function useRows(text) {
  const given = useMemo(() => parseMatchers(text), [text])
  const [rows, setRows] = useState(() => (given?.length ? given.map(rowOf) : [emptyRow]))
  return {
    isUnread: given === undefined,
    rows,
    change: (at, patch) => setRows((rows) => rows.with(at, { ...rows[at], ...patch })),
    add: () => setRows((rows) => [...rows, emptyRow]),
  }
}

const rowOf = (matcher) => ({ matcher, used: true, isNew: false })
const emptyRow = { ...rowOf({ name: '', value: '', isRegex: false, isEqual: true }), isNew: true }

const Row = ({ row: { matcher, used, isNew }, change }) => {
  const set = (patch) => change({ matcher: { ...matcher, ...patch } })
  const name = matcher.name || 'the new label'
  return html`<div class="matcher ${used ? '' : 'matcher-out'}">
    ${
      isNew
        ? html`<input
            class="matcher-name"
            aria-label="name of the new label"
            placeholder="label"
            ...${bound(matcher.name, (name) => set({ name: name.trim() }))}
          />`
        : html`<label class="matcher-name">
            <input
              type="checkbox"
              checked=${used}
              onChange=${(event) => change({ used: event.target.checked })}
            />
            <code><${Text} text=${name} /></code>
          </label>`
    }
    <select
      aria-label="how ${name} is compared"
      value=${operatorOf(matcher)}
      disabled=${!used}
      onChange=${(event) => change({ matcher: withOperator(matcher, event.target.value) })}
    >
      ${operators.map((operator) => html`<option key=${operator} value=${operator}>${operator}</option>`)}
    </select>
    <input
      aria-label="value of ${name}"
      disabled=${!used}
      ...${bound(matcher.value, (value) => set({ value }))}
    />
  </div>`
}

/** What it would mute now, asked anew whenever the matchers change. */
const Preview = ({ matchers }) => {
  const [{ found, error }, setAnswer] = useState({})
  const text = matchersText(matchers)
  useEffect(() => {
    const ended = new AbortController()
    const asked = async () => {
      try {
        const found = await post('api/silences/preview', { matchers }, ended.signal)
        setAnswer({ found })
      } catch (error) {
        if (!ended.signal.aborted) setAnswer({ error })
      }
    }
    if (matchers.length === 0) setAnswer({})
    const timer = matchers.length > 0 && setTimeout(asked, typingMs)
    return () => {
      clearTimeout(timer)
      ended.abort()
    }
  }, [text])
  return html`<section class="muting" aria-live="polite">
    ${error && html`<p class="muting-wrong"><${Text} text=${error.message} /></p>`}
    ${!error && !found && html`<p class="dim">${matchers.length === 0 ? 'Choose at least one label.' : '…'}</p>`}
    ${found && !error && html`<${Muted} found=${found} />`}
  </section>`
}

const Muted = ({ found: { count, alerts } }) => {
  if (count === 0) return html`<p>No alert that there is now would be muted.</p>`
  return html`<p><b>${plural(count, 'alert')}</b> would be muted now:</p>
    <ul>
      ${alerts.slice(0, mostShown).map(
        ({ fingerprint, labels: { alertname, service, ...others } }) =>
          html`<li key=${fingerprint}>
            <b><${Text} text=${alertname ?? '–'} /></b>${' '}
            <${Text} text=${service ?? ''} />${' '}
            <span class="dim"
              ><${Text}
                text=${Object.entries(others)
                  .map((pair) => pair.join('='))
                  .join(' ')}
            /></span>
          </li>`,
      )}
      ${count > mostShown && html`<li class="dim">and ${count - mostShown} more</li>`}
    </ul>`
}

const wish = ({ matchers, length, who, why }) => ({
  matchers,
  startsAt: new Date(now()).toISOString(),
  endsAt: new Date(now() + relativeMs(length)).toISOString(),
  createdBy: who.trim(),
  comment: why.trim(),
})

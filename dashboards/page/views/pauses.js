import { post } from '../api.js'
import { html, useEffect, useRef, useState } from '../lib.js'
import { Failure, Text, Time } from '../parts.js'
import { useTick } from '../poll.js'
import { left, now } from '../time.js'
import { rememberedWho, rememberWho } from '../who.js'
import { Choice, Lengths, WhoAndWhy } from './asking.js'

const lengths = ['30m', '4h', '1d', '7d']
const usualLength = '4h'
const ways = { 'up and down': 'both', up: 'up', down: 'down' }
const allServices = '*'

/** Who paused the scaling of a service, until when and why; each can be resumed. */
export const Pauses = ({ pauses = [], reload }) => {
  useTick(5000)
  return pauses.map((pause) => html`<${Pause} key=${pause.id} pause=${pause} reload=${reload} />`)
}

const Pause = ({ pause, reload }) => {
  const { service, direction, untilMs, by, reason } = pause
  const way = direction === 'both' ? '' : ` ${direction}`
  const title = `Scaling${way} is paused${service === allServices ? ' for all services' : ''}`
  return html`<${Held} ...${{ title, untilMs, service, reload }}>
    <p>
      <b><${Text} text=${by} /></b>: <${Text} text=${reason} />
    </p>
  <//>`
}

/** Instances that somebody set by hand, until when that is respected; scaling can be resumed before. */
export const SetByHand = ({ decision, reload }) => {
  useTick(5000)
  const { service, override, next = [] } = decision
  const title = `Instances were set by hand: ${override.from} → ${override.instances}`
  return html`<${Held} ...${{ title, untilMs: next[0]?.atMs, service, reload }} />`
}

/** What keeps the service from being scaled, with a form that ends it. */
const Held = ({ title, untilMs, service, reload, children }) => {
  const [{ busy, error }, setEnding] = useState({})
  const [who, setWho] = useState(rememberedWho)
  const end = async (event) => {
    event.preventDefault()
    setEnding({ busy: true })
    try {
      await post('api/scaling/resume', { ...meant(service), by: who })
      rememberWho(who)
      setEnding({})
      reload()
    } catch (error) {
      setEnding({ error })
    }
  }
  return html`<article class="silence pause">
    <div class="alert-head">
      <b>${title}</b>
      <span class="push"></span>
      ${
        untilMs !== undefined &&
        html`<span class="since"
          >ends in <b>${left(untilMs - now())}</b> · <${Time} ms=${untilMs} /> UTC</span
        >`
      }
    </div>
    ${children}
    <${Failure} error=${error} />
    <form class="alert-foot" onSubmit=${end}>
      <input
        required
        maxlength="100"
        aria-label="who resumes it"
        placeholder="who"
        autocomplete="name"
        value=${who}
        onInput=${(event) => setWho(event.target.value)}
      />
      <button class="button small" disabled=${busy}>Resume</button>
    </form>
  </article>`
}

const meant = (service) => (service === allServices ? { all: true } : { service })

/** What is to be paused, for how long, by whom and why. `onClose` is called in any case. */
export const PauseForm = ({ service, onDone, onClose }) => {
  const dialog = useRef(undefined)
  const first = useRef(undefined)
  const [what, setWhat] = useState('this service')
  const [way, setWay] = useState('up and down')
  const [length, setLength] = useState(usualLength)
  const [who, setWho] = useState(rememberedWho)
  const [why, setWhy] = useState('')
  const [isKnown] = useState(who !== '')
  const [{ busy, error }, setSending] = useState({})
  useEffect(() => {
    dialog.current.showModal()
    first.current.focus()
  }, [])
  const send = async (event) => {
    event.preventDefault()
    setSending({ busy: true })
    const asked = what === 'this service' ? { service } : { all: true }
    try {
      const wish = { direction: ways[way], for: length, by: who, reason: why }
      await post('api/scaling/pause', { ...asked, ...wish })
      rememberWho(who)
      onDone()
      dialog.current?.close()
    } catch (error) {
      setSending({ error })
    }
  }
  return html`<dialog ref=${dialog} class="silencing" aria-labelledby="pausing" onClose=${onClose}>
    <form onSubmit=${send}>
      <h1 id="pausing">Pause scaling of <${Text} text=${service} /></h1>
      <${Choice}
        legend="What"
        name="what"
        words=${['this service', 'all services']}
        chosen=${what}
        onChange=${setWhat}
      />
      <${Choice}
        legend="Which way"
        name="way"
        words=${Object.keys(ways)}
        chosen=${way}
        onChange=${setWay}
      />
      <${Lengths} lengths=${lengths} length=${length} onChange=${setLength} />
      <${WhoAndWhy} ...${{ who, setWho, why, setWhy, first, isKnown }} />
      <p class="dim">What it would do is still shown. A change that is under way is let finish.</p>
      <${Failure} error=${error} />
      <div class="silencing-end">
        <button class="button primary" disabled=${busy}>Pause</button>
        <button type="button" class="button" onClick=${() => dialog.current.close()}>Cancel</button>
      </div>
    </form>
  </dialog>`
}

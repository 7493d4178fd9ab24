import { colourOfChange, essential, kinds, usualKinds } from '../events.js'
import { html, useMemo, useState } from '../lib.js'
import { Brief, TaskOrWhy, Text, Time } from '../parts.js'
import { isoToMs, utcDay } from '../time.js'
import { Decision } from './service-scaling.js'

/** What happened, newest first: changes, alerts, and decisions on scaling among them; on request everything. */
export const Timeline = ({ data, params, change, zoom }) => {
  const all = params.kinds !== undefined
  const entries = useMemo(() => entriesOf(data, all), [data, all])
  return html`<h1>
      What happened
      <button
        class="chip ${all ? 'on' : ''}"
        title="also starts and states, what followed, and decisions to change nothing"
        aria-pressed=${all}
        onClick=${() => change({ kinds: all ? null : Object.keys(kinds).join() })}
      >
        everything
      </button>
    </h1>
    ${entries.length === 0 && html`<p class="dim">Nothing in this time.</p>`}
    <ol class="timeline">
      ${entries.map((entry, at) => html`<${Entry} key=${entry.id} of=${entry} day=${newDay(entries, at)} zoom=${zoom} />`)}
    </ol>`
}

function entriesOf({ changes, decisions }, all) {
  const untold = ['held', 'refused']
  const held = decisions.filter(({ decision }) => all && untold.includes(decision.outcome))
  // The change that tells of a decision does not hold the whole of it.
  const whole = new Map(decisions.map((doc) => [`change:${doc['event.id']}`, doc.decision]))
  return [...(all ? changes : essential(changes)), ...held]
    .map((doc) => ({
      id: doc['event.id'],
      ms: isoToMs(doc['@timestamp']),
      doc,
      decision: doc.decision ?? whole.get(doc['event.id']),
    }))
    .toSorted((a, b) => b.ms - a.ms)
}

const newDay = (entries, at) =>
  at > 0 && utcDay(entries[at].ms) !== utcDay(entries[at - 1].ms)
    ? utcDay(entries[at].ms)
    : undefined

const Entry = ({ of, day, zoom }) => {
  const { doc, ms, decision } = of
  const kind = doc['event.kind']
  const style = { '--event': `var(--${colourOfChange(doc)})` }
  return html`
    ${day && html`<li class="timeline-day">${day}</li>`}
    <li class="entry ${usualKinds.includes(kind) ? '' : 'entry-minor'}" style=${style}>
      <button
        class="entry-time"
        title="look at the minutes around it"
        onClick=${() => zoom(ms - 120_000, ms + 60_000)}
      >
        <${Time} ms=${ms} />
      </button>
      <span class="entry-kind">${kind} <b>${doc['event.action']}</b></span>
      ${decision ? html`<${Decision} of=${decision} />` : html`<${Told} doc=${doc} />`}
    </li>
  `
}

const Told = ({ doc }) => {
  const [open, setOpen] = useState(false)
  const lines = doc['task.last_lines']
  const task = doc['mesos.task.id']
  return html`<div class="entry-said">
    <${Brief} text=${doc.message} />
    ${task && html` <${TaskOrWhy} of=${doc} task=${task} />`}
    ${
      Array.isArray(lines) &&
      lines.length > 0 &&
      html`<button class="chip" aria-expanded=${open} onClick=${() => setOpen(!open)}>
        ${open ? 'hide' : 'its last lines'}
      </button>`
    }
    ${open && html`<pre class="last-lines"><${Text} text=${lines.join('\n')} /></pre>`}
  </div>`
}

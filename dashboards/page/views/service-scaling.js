import { html, useState } from '../lib.js'
import { Text, Time } from '../parts.js'
import { span } from '../time.js'
import { withUnit } from '../units.js'
import { PauseForm, Pauses, SetByHand } from './pauses.js'

const titles = {
  scaled: 'scaled',
  'would-scale': 'would scale (dry run)',
  held: 'left as it is',
  refused: 'refused',
  failed: 'failed',
}

/** What the autoscaler decided last, and why, step by step. */
export const ScalingPanel = ({ scaling, service, reload }) => {
  const [isPausing, setPausing] = useState(false)
  if (!scaling) return null
  const { policy, last, lastChange, notBeforeMs, trouble, pauses } = scaling
  return html`<h1>
      Scaling <span class="dim">${policy ? policyWords(policy) : ''}</span>
      <button class="button small" onClick=${() => setPausing(true)}>Pause</button>
    </h1>
    ${isPausing && html`<${PauseForm} service=${service} onDone=${reload} onClose=${() => setPausing(false)} />`}
    <${Pauses} pauses=${pauses} reload=${reload} />
    ${last?.reason === 'override' && html`<${SetByHand} decision=${last} reload=${reload} />`}
    ${trouble && html`<p class="failure"><b>${trouble}</b></p>`}
    ${!last && !trouble && html`<p class="dim">Not evaluated yet.</p>`}
    ${last && html`<${Decision} of=${last} open />`}
    ${notBeforeMs !== undefined && html`<p class="dim">No change before <${Time} ms=${notBeforeMs} /> UTC.</p>`}
    ${lastChange && lastChange.ts !== last?.ts && html`<${Decision} of=${lastChange} title="Last change" />`}`
}

function policyWords({ min, max, targets, values = {}, steps = [], source, dryRun }) {
  const each = Object.entries(targets).map(([signal, target]) => `${signal} ${target} each`)
  const whole = Object.entries(values).map(([signal, target]) => `${signal} ${target}`)
  const bounds = steps.map(stepWords)
  const wanted = [...each, ...whole, ...bounds].join(', ')
  return `${min} to ${max} instances, ${wanted}, by ${source}${dryRun ? ', dry run' : ''}`
}

function stepWords({ signal, above, below, add, remove }) {
  const change = add ?? remove
  const most = change.count ?? `${change.percent} %`
  const bound = above === undefined ? `below ${below}` : `above ${above}`
  return `${add ? '+' : '−'} ${most} where ${signal} is ${bound}`
}

/** One decision: the sentence, and on opening inputs and steps. */
export const Decision = ({ of, open = false, title }) => {
  const [shown, setShown] = useState(open)
  return html`<article class="decision decision-${of.outcome}">
    <button class="decision-head" aria-expanded=${shown} onClick=${() => setShown(!shown)}>
      ${title && html`<span class="dim">${title}</span>`}
      <span class="decision-outcome">${titles[of.outcome] ?? of.outcome}</span>
      <b>${of.from === of.to ? of.to : `${of.from} → ${of.to}`}</b>
      <span class="decision-message"><${Text} text=${of.message} /></span>
      <span class="push"></span>
      <${Time} ms=${of.ts} />
    </button>
    ${shown && html`<${Reasons} of=${of} />`}
  </article>`
}

const Reasons = ({ of }) => {
  const { targets } = of.inputs
  const counted = targets.some(({ expected }) => expected !== undefined)
  return html`<div class="reasons">
    <table class="plain small-table">
      <thead>
        <tr>
          <th>Signal</th>
          <th class="number">Value</th>
          <th class="number">Target</th>
          ${counted && html`<th class="number">Measured</th>`}
          <th class="number">Asks for</th>
          <th class="col-how">How</th>
        </tr>
      </thead>
      <tbody>
        ${targets.map((target) => html`<${Target} key=${`${target.signal} ${target.kind}`} of=${target} counted=${counted} />`)}
      </tbody>
    </table>
    <ol class="steps">
      ${of.steps.map(
        ({ step, before, after, why }) =>
          html`<li class=${before === after ? '' : 'moved'}>
            <b>${step}</b>
            <span class="steps-count">${before === after ? after : `${before} → ${after}`}</span>
            <span class="dim">${why}</span>
          </li>`,
      )}
    </ol>
    ${
      of.conditions &&
      html`<ul class="steps">
        ${Object.entries(of.conditions).map(condition)}
      </ul>`
    }
    <p class="dim">${stateWords(of)}</p>
    ${of.answer && html`<p class="dim">Marathon answered ${of.answer.status ?? ''} ${of.answer.message ?? ''} ${of.answer.deployment ? `deployment ${of.answer.deployment}` : ''}</p>`}
  </div>`
}

const kinds = { above: 'above ', below: 'below ' }

const Target = ({ of, counted }) =>
  html`<tr>
    <td class="narrow"><b>${of.signal}</b></td>
    <td class="number narrow">
      ${of.value === undefined ? 'no data' : withUnit(of.value, of.unit)}
    </td>
    <td class="number narrow">${kinds[of.kind] ?? ''}${withUnit(of.target, of.unit)}</td>
    ${counted && html`<td class="number narrow">${of.expected === undefined ? '' : `${of.measured} of ${of.expected}`}</td>`}
    <td class="number narrow">${of.proposal ?? '–'}</td>
    <td class="mono col-how">${of.how}</td>
  </tr>`

const condition = ([name, { status, reason, message }]) =>
  html`<li key=${name}>
    <b>${name}</b> ${status ? 'yes' : 'no'}, ${reason}: <span class="dim">${message}</span>
  </li>`

function stateWords({ inputs, ts }) {
  const { wanted, running, healthy, staged, stateAtMs } = inputs
  if (wanted === undefined) return 'Marathon told nothing of it.'
  const age =
    stateAtMs === undefined ? '' : `; Marathon told it ${span(Math.max(0, ts - stateAtMs))} before`
  return `${wanted} wanted, ${running} running, ${healthy} healthy, ${staged ?? 0} starting${age}.`
}

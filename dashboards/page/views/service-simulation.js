import { postSlowly } from '../api.js'
import { Chart } from '../chart.js'
import { html, useEffect, useMemo, useRef, useState } from '../lib.js'
import { Failure, Text, Time } from '../parts.js'
import { policyText } from '../policy-text.js'
import { span } from '../time.js'
import { rounded, whole } from '../units.js'

/** What another policy would have done in the stretch of time that the page shows. */
export const Simulation = ({ service, policy, range, onRange }) => {
  const [shown, setShown] = useState(false)
  return html`<section class="simulation">
    <button class="button small" aria-expanded=${shown} onClick=${() => setShown(!shown)}>
      Try another policy
    </button>
    ${shown && html`<${Trial} ...${{ service, policy, range, onRange }} />`}
  </section>`
}

const Trial = ({ service, policy, range, onRange }) => {
  const [text, setText] = useState(() => policyText(policy))
  const [{ busy, progress, error, answer }, setAsked] = useState({})
  const ending = useRef(new AbortController())
  useEffect(() => () => ending.current.abort(), [])
  const send = async (event) => {
    event.preventDefault()
    const question = { service, policy: { text, file: 'policy' }, ...range }
    setAsked({ busy: true, progress: 0 })
    try {
      const onProgress = (progress) => setAsked({ busy: true, progress })
      const { signal } = ending.current
      const answer = await postSlowly('api/scaling/simulate', question, onProgress, signal)
      setAsked({ answer })
    } catch (error) {
      if (!ending.current.signal.aborted) setAsked({ error })
    }
  }
  return html`<form onSubmit=${send}>
      <label class="text-field">
        <span>A policy, as under autoscaling.services in the settings</span>
        <textarea
          rows="8"
          spellcheck=${false}
          value=${text}
          onInput=${(event) => setText(event.target.value)}
        ></textarea>
      </label>
      <button class="button primary" disabled=${busy}>Simulate</button>
      ${busy && html`<span class="dim" aria-live="polite"> ${Math.round(progress * 100)} % of the past is read</span>`}
    </form>
    <${Failure} error=${error} />
    ${answer && html`<${Simulated} of=${answer} onRange=${onRange} />`}`
}

const lines = [
  { side: 'happened', name: 'happened', colour: 'line-wanted', dash: [5, 4], stepped: true },
  { side: 'simulated', name: 'simulated', colour: 'line-running', stepped: true },
]

const Simulated = ({ of, onRange }) => {
  const { points, evaluated, other, load, remarks } = of
  const { times, drawn, loads } = useMemo(() => drawnOf(points), [points])
  return html`<section class="charts" aria-label="simulation">
      <${Chart}
        title="Instances"
        show=${whole}
        top=${2}
        lines=${drawn}
        marks=${[]}
        ...${{ times, onRange, range: evaluated }}
      />
      ${
        load &&
        html`<${Chart}
          title="Load"
          show=${rounded}
          lines=${[{ name: load.signal, colour: 'line-requests', values: loads }]}
          marks=${[]}
          ...${{ times, onRange, range: evaluated }}
        />`
      }
    </section>
    <${Figures} of=${of} />
    <p class="dim">
      ${evaluated.count} evaluations:${' '}
      ${
        other?.differsFrom === undefined
          ? 'it does what was done.'
          : html`it does something else from <${Time} ms=${other.differsFrom} /> UTC on.`
      }
      ${other && ` A new instance takes ${span(other.startMs)}${other.starts > 0 ? ', as it did' : ''}.`}
      ${remarks.map((remark) => html` <${Text} text=${sentence(remark)} />`)}
    </p>
    <p class="dim">
      Saturated: ready instances had more than their targets and the tolerance allow. Turns: changes
      in the other direction than the one before.
    </p>`
}

const sentence = (text) => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`

/** @param {{ ts: number, load?: number, happened?: { wanted: number }, simulated?: { wanted: number } }[]} points */
function drawnOf(points) {
  return {
    times: points.map(({ ts }) => ts / 1000),
    loads: points.map(({ load }) => load ?? null),
    drawn: lines.map((line) => ({
      ...line,
      values: points.map((point) => point[line.side]?.wanted ?? null),
    })),
  }
}

const figures = [
  ['Instances', ({ least, most }) => `${least} to ${most}`],
  ['Saturated', ({ saturatedMinutes: min }) => (min === undefined ? '–' : `${rounded(min)} min`)],
  ['Task hours', ({ taskHours }) => rounded(taskHours)],
  ['Changes', ({ changes }) => changes],
  ['Turns', ({ turns }) => turns],
]

const Figures = ({ of }) =>
  html`<table class="plain small-table">
    <thead>
      <tr>
        <th>What</th>
        <th class="number">Happened</th>
        <th class="number">Simulated</th>
      </tr>
    </thead>
    <tbody>
      ${figures.map(
        ([name, figure]) =>
          html`<tr key=${name}>
            <td>${name}</td>
            <td class="number">${figure(of.happened)}</td>
            <td class="number">${figure(of.simulated)}</td>
          </tr>`,
      )}
    </tbody>
  </table>`

import { get } from '../api.js'
import { marksOf, usualKinds } from '../events.js'
import { html, useMemo } from '../lib.js'
import { Failure, Loading, Since, State } from '../parts.js'
import { matchersOf } from '../matchers.js'
import { usePoll } from '../poll.js'
import { go, linkTo } from '../route.js'
import { Instances, OwnTrouble, Value } from '../standing.js'
import { safeLink } from '../text.js'
import { now, relativeMs } from '../time.js'
import { RangeChoice } from './log-controls.js'
import { silenceLink } from './silences.js'
import { ServiceCharts } from './service-charts.js'
import { ServiceLines } from './service-lines.js'
import { ReadinessPanel } from './service-readiness.js'
import { ScalingPanel } from './service-scaling.js'
import { Simulation } from './service-simulation.js'
import { Tasks } from './service-tasks.js'
import { Timeline } from './timeline.js'

const usualRange = '15m'
const signals = [
  'instances_wanted',
  'instances_running',
  'instances_healthy',
  'requests',
  'errors',
  'cpu',
  'memory',
]

/** One service: how it stands, and its load, changes, alerts, scaling and lines on one time axis. */
export const ServiceView = ({ params, alerts, health }) => {
  const change = (patch, options) => go(linkTo('service', { ...params, ...patch }), options)
  const asked = useMemo(
    () => ({ from: params.from ?? usualRange, ...(params.to && { to: params.to }) }),
    [params.from, params.to],
  )
  const kinds = params.kinds ?? usualKinds.join()
  const service = params.service ?? ''
  const head = usePoll((signal) => get('api/service', { service }, signal), 4000, [service])
  const { data, error, reload } = usePoll(
    (signal) => readRange({ service, ...asked }, kinds, signal),
    params.to ? 0 : 5000,
    [service, asked, kinds],
  )
  if (!head.data) {
    return head.error
      ? html`<${Failure} error=${head.error} retry=${head.reload} />`
      : html`<${Loading} />`
  }
  const exact = head.data.service.service
  const open = alerts.filter(
    (alert) => alert.service === exact && alert.state !== 'resolved' && alert.state !== 'inactive',
  )
  const zoom = (from, to) => change({ from: isoOf(from), to: isoOf(to) })
  return html`<div class="service">
    <${OwnTrouble} health=${health} />
    <${Head} of=${head.data.service} open=${open} />
    <div class="controls-row service-controls">
      <${RangeChoice} params=${params} range=${asked} change=${change} />
      ${params.to && html`<button class="button" onClick=${() => change({ from: null, to: null })}>Back to now</button>`}
      ${data && html`<${Legend} changes=${data.changes} />`}
      <span class="push"></span>
      <a
        class="button primary"
        href=${linkTo('logs', { service: exact, from: params.from, to: params.to })}
        >Its lines →</a
      >
    </div>
    <${Failure} error=${error} retry=${reload} />
    ${!data && !error && html`<${Loading} />`}
    ${data && html`<${ServiceCharts} data=${data} policy=${head.data.scaling?.policy} onRange=${zoom} />`}
    <div class="service-parts">
      <section>${data && html`<${Timeline} ...${{ data, params, change, zoom }} />`}</section>
      <section>
        <${ScalingPanel} scaling=${head.data.scaling} service=${exact} reload=${head.reload} />
        ${data && html`<${Simulation} service=${exact} policy=${head.data.scaling?.policy} range=${data.range} onRange=${zoom} />`}
        <${Tasks} tasks=${head.data.tasks} service=${exact} />
        <${ReadinessPanel} service=${exact} />
      </section>
    </div>
    <${ServiceLines} service=${exact} range=${asked} />
  </div>`
}

/** All of it for the same stretch of time: relative ends are fixed here, once. */
async function readRange({ service, from, to }, kinds, signal) {
  const range = fixed(from, to)
  const scope = { service, ...range }
  const [series, { changes }, { decisions }, histogram] = await Promise.all([
    get('api/series', { ...scope, signal: await declaredSignals(signal) }, signal),
    get('api/changes', { ...scope, kind: kinds, limit: 500 }, signal),
    get('api/decisions', { ...scope, limit: 200 }, signal),
    get('api/histogram', scope, signal),
  ])
  return { range, series, changes, decisions, histogram }
}

/** @type {Promise<string[]> | undefined} */
let declared
/** Of the signals that are drawn those that this Mesoscope measures; asked once. */
function declaredSignals(signal) {
  declared ??= get('api/signals', {}, signal).then(({ signals: known }) =>
    signals.filter((name) => name in known),
  )
  declared.catch(() => (declared = undefined))
  return declared
}

function fixed(from, to) {
  const end = to ? msOf(to) : now() + 1
  const length = relativeMs(from)
  return { from: Math.round(length === undefined ? msOf(from) : end - length), to: Math.round(end) }
}

const msOf = (text) => (/^\d+$/.test(text) ? Number(text) : Date.parse(text))
const isoOf = (ms) => new Date(ms).toISOString()

/** What the dashed lines in the charts stand for. */
const Legend = ({ changes }) => {
  const marks = useMemo(
    () => new Map(marksOf(changes).map((mark) => [mark.name, mark.colour])),
    [changes],
  )
  return html`<span class="legend">
    ${[...marks].map(([name, colour]) => html`<span class="legend-mark" style=${{ '--event': `var(--${colour})` }}>${name}</span>`)}
  </span>`
}

const Head = ({ of, open }) => {
  const runbook = safeLink(of.runbook)
  return html`<header class="service-head">
    <h1>${of.service}</h1>
    <${State} state=${of.state} />
    ${of.since !== undefined && html`<${Since} ms=${of.since} />`}
    <${Instances} of=${of} />
    ${of.deployments && html`<span class="note note-deployment">a deployment is under way</span>`}
    ${of.waitingFor && html`<span class="note note-waiting">waits for offers: ${of.waitingFor.join(', ')}</span>`}
    <span class="push"></span>
    ${of.owner && html`<span class="dim">owner <b>${of.owner}</b></span>`}
    ${of.version && html`<span class="dim">version <b>${of.version}</b></span>`}
    ${runbook && html`<a class="button small" href=${runbook} rel="noopener noreferrer">Runbook</a>`}
    ${open.map((alert) => html`<${OpenAlert} key=${alert.incident} alert=${alert} />`)}
  </header>`
}

const OpenAlert = ({ alert }) => {
  const link = safeLink(alert.link)
  return html`<p class="service-alert service-alert-${alert.state}">
    <${State} state=${alert.state} /> <b>${alert.alert}</b>
    <span>${alert.annotations.summary ?? ''}</span>
    <span class="push"></span>
    <${Since} ms=${alert.since} />
    <${Value} alert=${alert} />
    ${link && !link.startsWith('#/service') && html`<a href=${link}>What is behind it →</a>`}
    <a href=${silenceLink(matchersOf(alert.labels))}>Silence</a>
  </p>`
}

import { get } from '../api.js'
import { html } from '../lib.js'
import { Ago, Empty, Failure, Loading, Since, Sparkline, State } from '../parts.js'
import { usePoll } from '../poll.js'
import { linkTo } from '../route.js'
import { Instances, OwnTrouble, Value, whatIsBehind } from '../standing.js'
import { amount, plural, safeLink } from '../text.js'
import { span, utcShort } from '../time.js'
import { percent, rate } from '../units.js'
import { Trend } from '../trend.js'

/** The start page: which service is ill, since when, in one look. */
export const ServicesView = ({ alerts, health }) => {
  const { data, error, reload } = usePoll((signal) => get('api/services', {}, signal), 4000, [])
  if (!data)
    return error ? html`<${Failure} error=${error} retry=${reload} />` : html`<${Loading} />`
  const { services } = data
  if (services.length === 0) return html`<${NoServices} />`
  const ill = alerts.filter(({ state }) => state === 'firing' || state === 'unknown')
  return html`
    <${Failure} error=${error} />
    <${OwnTrouble} health=${health} />
    <${Verdict} ill=${ill} services=${services} health=${health} />
    <${Table} services=${services} />
  `
}

const NoServices = () =>
  html`<${Empty} title="No service has written a line yet">
    Lines show up here seconds after a container writes them. If they don’t,
    <a href="#/health"> Health</a> names what is in the way.
  <//>`

const Verdict = ({ ill, services, health }) => {
  if (ill.length > 0)
    return html`<section class="ill-list" aria-label="ill services">
      ${ill.map((alert) => html`<${Ill} key=${alert.incident} alert=${alert} />`)}
    </section>`
  const pending = services.filter(({ state }) => state === 'pending').length
  const unsure = pending > 0 || (health && health.status !== 'green')
  return html`<section class="verdict ${unsure ? 'verdict-pending' : ''}">
    <span class="dot dot-${unsure ? 'amber' : 'green'}"></span>
    <span>${verdictOn(services.length, pending, unsure)}</span>
  </section>`
}

function verdictOn(count, pending, unsure) {
  if (pending) return `${plural(pending, 'service')} may be getting ill; nothing is firing yet.`
  const of = count === 1 ? 'The one service' : `All ${plural(count, 'service')}`
  if (unsure) return `No alert is firing on the ${plural(count, 'service')}, as far as can be seen.`
  return `${of} ${count === 1 ? 'is' : 'are'} well: no alert is firing.`
}

const Ill = ({ alert }) => {
  const lines =
    safeLink(alert.link) ?? linkTo('logs', { service: alert.service, level: 'fatal,error' })
  return html`<article class="ill ill-${alert.state}">
    <div>
      <h2>
        ${alert.service ? html`<a href=${linkTo('service', { service: alert.service })}>${alert.service}</a>` : alert.alert}
        <span class="ill-alert">${alert.service ? alert.alert : ''}</span>
      </h2>
      <p>${alert.annotations.summary ?? alert.annotations.description ?? ''}</p>
    </div>
    <div class="ill-facts">
      <${State} state=${alert.state} />
      <${Since} ms=${alert.since} />
      <${Value} alert=${alert} />
    </div>
    <a class="button primary" href=${lines}>${whatIsBehind(lines)} →</a>
  </article>`
}

const Table = ({ services }) =>
  html`<table class="services">
    <thead>
      <tr>
        <th>Service</th>
        <th>State</th>
        <th>Instances</th>
        <th class="col-requests">Requests</th>
        <th class="col-cpu">CPU</th>
        <th class="col-memory">Memory</th>
        <th class="col-errors">Errors, last 15 min</th>
        <th class="col-lines">Lines, last 15 min</th>
        <th class="number col-last">Last line</th>
      </tr>
    </thead>
    <tbody>
      ${services.map((service) => html`<${Row} key=${service.service} of=${service} />`)}
    </tbody>
  </table>`

const Row = ({ of }) =>
  html`<tr class="row-${of.state}">
    <td class="service-name">
      <a href=${linkTo('service', { service: of.service })}>${of.service}</a>
    </td>
    <td>
      <${State} state=${of.state} />
      ${of.since !== undefined && html` <span class="row-since" title=${of.alerts.join(', ')}><${Since} ms=${of.since} /></span>`}
    </td>
    <td class="narrow" title=${of.tasks.join('\n')}><${InstancesCell} of=${of} /></td>
    <td class="narrow col-requests"><${Trend} of=${of} name="requests" show=${rate} /></td>
    <td class="narrow col-cpu"><${Trend} of=${of} name="cpu" show=${percent} /></td>
    <td class="narrow col-memory"><${Trend} of=${of} name="memory" show=${percent} /></td>
    <td class="col-errors"><${ErrorShare} lines=${of.lines} errors=${of.errors} /></td>
    <td class="col-lines" title=${`${amount(of.lines)} lines`}>
      <${Sparkline} spark=${of.spark} />
    </td>
    <td class="number col-last">
      ${of.lastMs === undefined ? html`<span class="dim">never</span>` : html`<${Ago} ms=${of.lastMs} /> ago`}
      ${of.behindSeconds >= 5 && html`<span class="note note-waiting" title="what it wrote since then has not been read yet">${span(of.behindSeconds * 1000)} behind</span>`}
    </td>
  </tr>`

/** As Marathon tells it; without Marathon, how many wrote, of which most may be over. */
const InstancesCell = ({ of }) =>
  of.instances
    ? html`<${Instances} of=${of} />
        ${of.deployments && html`<span class="note note-deployment">deploying</span>`}
        ${of.waitingFor && html`<span class="note note-waiting">waits for ${of.waitingFor.join(', ')}</span>`}
        ${of.pausedUntil && html`<span class="note note-waiting" title=${`until ${utcShort(of.pausedUntil)} UTC`}>scaling is paused</span>`}`
    : html`<span class=${of.taskCount ? '' : 'dim'} title="that wrote within the last 15 minutes"
        >${plural(of.taskCount, 'task')} <span class="dim long">in 15 min</span></span
      >`

const ErrorShare = ({ lines, errors }) => {
  const share = lines === 0 ? 0 : errors / lines
  const percent = share === 0 ? '0 %' : share < 0.01 ? '<1 %' : `${Math.round(share * 100)} %`
  return html`<span class="share ${errors > 0 ? '' : 'dim'}">
    <span class="share-count">${amount(errors)}</span>
    <span class="share-bar"
      ><i style=${{ width: `${Math.max(share * 100, errors > 0 ? 3 : 0)}%` }}></i
    ></span>
    <span class="share-percent">${percent}</span>
  </span>`
}

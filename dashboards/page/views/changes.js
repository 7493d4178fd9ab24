import { get } from '../api.js'
import { kinds, usualKinds } from '../events.js'
import { html } from '../lib.js'
import { Brief, Empty, Failure, Loading, TaskOrWhy, Time } from '../parts.js'
import { usePoll } from '../poll.js'
import { go, linkTo } from '../route.js'
import { isoToMs, utcDay } from '../time.js'

/** Batches that do their work would leave no room for anything else. */
const withoutFinished = 'NOT action:finished'

/** What happened in the whole cluster: ends of tasks, deployments, scaling, alerts, agents, gaps. */
export const ChangesView = ({ params }) => {
  const change = (patch) => go(linkTo('changes', { ...params, ...patch }))
  const all = params.all !== undefined || params.query !== undefined
  const query = {
    kind: params.kind ?? usualKinds.join(),
    service: params.service,
    query: all ? params.query : withoutFinished,
    from: params.from ?? '7d',
    to: params.to ?? undefined,
    limit: 500,
  }
  const { data, error, reload } = usePoll(
    (signal) => get('api/changes', query, signal),
    params.to ? 0 : 5000,
    [params.kind, params.service, query.query, params.from, params.to],
  )
  return html`
    <div class="chips" role="group" aria-label="kinds">
      ${Object.entries(kinds).map(
        ([kind, { title }]) =>
          html`<button
            class="chip ${params.kind === kind ? 'on' : ''}"
            title=${title}
            aria-pressed=${params.kind === kind}
            onClick=${() => change({ kind: params.kind === kind ? null : kind })}
          >
            ${kind}
          </button>`,
      )}
      ${
        params.query === undefined &&
        html`<button
          class="chip ${all ? 'on' : ''}"
          title="tasks that did their work and ended"
          aria-pressed=${all}
          onClick=${() => change({ all: all ? null : '1' })}
        >
          finished tasks too
        </button>`
      }
      ${['service', 'query', 'from', 'to'].filter((name) => params[name]).map((name) => html`<button class="chip on" title="remove" onClick=${() => change({ [name]: null })}>${name === 'service' ? '' : `${name} `}${params[name]} <b>×</b></button>`)}
    </div>
    <${Failure} error=${error} retry=${reload} />
    ${!data && !error && html`<${Loading} />`}
    ${data && html`<${Changes} changes=${data.changes} />`}
  `
}

const Changes = ({ changes }) => {
  if (changes.length === 0)
    return html`<${Empty} title="Nothing happened in this time"
      >Ends of tasks, deployments, scaling, alerts and gaps in the logs are listed here.<//
    >`
  const newest = changes.toSorted((a, b) => (a['@timestamp'] < b['@timestamp'] ? 1 : -1))
  return html`<table class="plain changes">
    <thead>
      <tr>
        <th>Time (UTC)</th>
        <th>What</th>
        <th>Service</th>
        <th>Instance</th>
        <th></th>
      </tr>
    </thead>
    <tbody>
      ${newest.map((one, at) => html`<${Change} key=${one['event.id']} of=${one} day=${dayIfNew(newest, at)} />`)}
    </tbody>
  </table>`
}

const dayOf = (change) => (change ? utcDay(isoToMs(change['@timestamp'])) : undefined)
const dayIfNew = (all, at) => (dayOf(all[at]) === dayOf(all[at - 1]) ? undefined : dayOf(all[at]))

const Change = ({ of, day }) => {
  const ms = isoToMs(of['@timestamp'])
  const service = of['service.name']
  const task = of['mesos.task.id'] ?? of['container.name'] ?? of['container.id']
  const around = (minutes) => new Date(ms + minutes * 60_000).toISOString()
  return html`
    ${
      day &&
      html`<tr class="day">
        <td colspan="5">${day}</td>
      </tr>`
    }
    <tr>
      <td class="narrow"><${Time} ms=${ms} /></td>
      <td class="narrow">
        <span class="kind kind-${of['event.kind']}">${of['event.kind']}</span>
        <b>${of['event.action']}</b>
      </td>
      <td class="narrow">
        ${service && html`<a title="it, around this time" href=${linkTo('service', { service, from: around(-5), to: around(2) })}>${service}</a>`}
      </td>
      <td class="narrow">${task && html`<${TaskOrWhy} of=${of} task=${task} />`}</td>
      <td><${Brief} text=${of.message} /></td>
    </tr>
  `
}

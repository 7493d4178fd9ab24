import { get } from '../api.js'
import { html } from '../lib.js'
import { matchersOf } from '../matchers.js'
import { joinNotified, readNotified } from '../notified.js'
import { Ago, Empty, Failure, Linked, Loading, Since, State, Text, Time } from '../parts.js'
import { usePoll } from '../poll.js'
import { go, linkTo } from '../route.js'
import { Value, whatIsBehind } from '../standing.js'
import { safeLink } from '../text.js'
import { isoToMs, span } from '../time.js'
import { Muted, Receivers } from './muted.js'
import { SilenceForm } from './silence-form.js'
import { silenceLink, Silences } from './silences.js'

/** Thousands at once are read in no list. */
const mostOpen = 300

const order = ['firing', 'unknown', 'pending']

/** What is muted stands below what is not. */
const rank = ({ state, told }) => order.indexOf(state) + (told?.muted ? order.length : 0)

/** What is wrong now, what is silenced, what was, and in the demo the mails that went out for it. */
export const AlertsView = ({ params }) => {
  const { data, error, reload } = usePoll(readAlerts, 3000, [])
  if (!data)
    return error ? html`<${Failure} error=${error} retry=${reload} />` : html`<${Loading} />`
  const open = data.alerts
    .filter(({ state }) => order.includes(state))
    .toSorted((a, b) => rank(a) - rank(b) || a.since - b.since)
  const past = data.alerts
    .filter(({ state }) => state === 'resolved')
    .toSorted((a, b) => b.since - a.since)
  return html`
    <${Failure} error=${error} />
    ${
      params.silence &&
      html`<${SilenceForm}
        key=${params.silence}
        text=${params.silence}
        onDone=${reload}
        onClose=${() => go(linkTo('alerts'), { replace: true })}
      />`
    }
    <h1>Open</h1>
    ${open.length === 0 && html`<${Empty} title="No alert is open">Rules are watched all the time; what they find shows up here and goes out by mail.<//>`}
    ${open.slice(0, mostOpen).map((alert) => html`<${Alert} key=${alert.incident} alert=${alert} canSilence=${data.notified !== undefined} />`)}
    ${open.length > mostOpen && html`<p class="dim">and ${open.length - mostOpen} more; mesoscope alerts lists all</p>`}
    ${data.notified && html`<${Silences} silences=${data.notified.silences} reload=${reload} />`}
    ${data.mails.demo && html`<${Mails} mails=${data.mails.mails} />`}
    <h1>Past</h1>
    ${past.length === 0 && html`<p class="dim">No alert is over yet.</p>`}
    ${past.map((alert) => html`<${Alert} key=${alert.incident} alert=${alert} />`)}
    <${Rules} rules=${data.rules} />
    ${data.history.length > 0 && html`<h1>History <span class="dim">last 7 days</span></h1>`}
    <${History} changes=${data.history} />
  `
}

async function readAlerts(signal) {
  const [{ alerts, history }, mails, { rules }, notified] = await Promise.all([
    get('api/alerts', { from: '7d', limit: 100 }, signal),
    get('api/mails', {}, signal),
    get('api/rules', {}, signal),
    readNotified(signal),
  ])
  return { alerts: joinNotified(alerts, notified), notified, history, mails, rules }
}

/** Each with how it was evaluated last: one that cannot be is worse than one that fires. */
const Rules = ({ rules }) => {
  if (rules.length === 0) return null
  const worstFirst = rules.toSorted((a, b) => Number(!a.error) - Number(!b.error))
  return html`<h1>Rules</h1>
    <table class="plain">
      <thead>
        <tr>
          <th>Rule</th>
          <th>Condition</th>
          <th>Alerts</th>
          <th>Evaluated</th>
        </tr>
      </thead>
      <tbody>
        ${worstFirst.map(
          (rule) =>
            html`<tr key=${rule.alert + rule.when}>
              <td><b>${rule.alert}</b></td>
              <td>
                <code>${rule.when}</code
                >${rule.error && html`<div class="error"><${Text} text=${rule.error} /></div>`}
              </td>
              <td class="number">${rule.active || ''}</td>
              <td>
                ${rule.lastEvaluation === undefined ? html`<span class="dim">${rule.error ? 'never' : 'by another process'}</span>` : html`<${Ago} ms=${rule.lastEvaluation} /> ago<span class="dim">, ${rule.durationMs.toFixed(1)} ms</span>`}
              </td>
            </tr>`,
        )}
      </tbody>
    </table>`
}

const Alert = ({ alert, canSilence }) => {
  const source = safeLink(alert.link)
  const lines = source ?? (alert.service && linkTo('logs', { service: alert.service }))
  const toDo = alert.annotations.runbook ?? alert.annotations.runbook_url
  const runbook = safeLink(toDo)
  return html`<article class="alert alert-${alert.state} ${alert.told?.muted ? 'alert-muted' : ''}">
    <div class="alert-head">
      <${State} state=${alert.state} />
      <b class="alert-name"><${Text} text=${alert.alert} /></b>
      ${alert.service && html`<a href=${linkTo('service', { service: alert.service })}><${Text} text=${alert.service} /></a>`}
      ${alert.isPosted ? html`<span class="dim">posted by another system</span>` : html`<${Value} alert=${alert} />`}
      ${alert.flapping !== undefined && html`<span class="label" title="Share of its last 21 states that were changes, the newest weigh most">flaps, ${Math.round(alert.flapping)} %</span>`}
      <span class="push"></span>
      ${alert.resolvedAt === undefined ? html`<${Since} ms=${alert.since} />` : html`<${Over} alert=${alert} />`}
    </div>
    ${alert.annotations.summary && html`<p><${Text} text=${alert.annotations.summary} /></p>`}
    <${Muted} told=${alert.told} />
    ${
      toDo &&
      !runbook &&
      html`<details>
        <summary>What to do</summary>
        <${Text} text=${toDo} />
      </details>`
    }
    <div class="alert-foot">
      ${canSilence && alert.state !== 'resolved' && html`<a class="button small" href=${silenceLink(matchersOf(alert.labels))}>Silence</a>`}
      ${lines && html`<a class="button small" href=${lines}>${alert.isPosted && source ? 'Where it comes from' : whatIsBehind(lines)} →</a>`}
      ${isAboutEnds(lines) && alert.service && html`<a class="button small" href=${linkTo('changes', { service: alert.service, kind: 'task' })}>Why its tasks ended →</a>`}
      ${runbook && html`<a class="button small" href=${runbook} rel="noopener noreferrer">Runbook</a>`}
      ${Object.entries(alert.labels)
        .filter(([name]) => name !== 'alertname' && name !== 'service')
        .map(
          ([name, value]) =>
            html`<span class="label"><${Text} text=${`${name}=${value}`} /></span>`,
        )}
      <${Receivers} told=${alert.told} />
    </div>
  </article>`
}

/** Its lines are no lines, but changes: ends of tasks among them, each with its post-mortem. */
const isAboutEnds = (lines) => lines?.includes('/changes?') ?? false

const Over = ({ alert }) =>
  html`<span class="since"
    ><${Time} ms=${alert.since} /> – <${Time} ms=${alert.resolvedAt} /> UTC ·
    ${span(alert.resolvedAt - alert.since)}</span
  >`

const Mails = ({ mails }) =>
  html`<h1>Mails caught by the demo</h1>
    ${mails.length === 0 && html`<${Empty} title="No mail yet">Press one of the buttons above to break a service; the mail takes about half a minute.<//>`}
    ${mails.map(
      (mail, at) =>
        html`<details class="mail" key=${mail.messageId + mail.receivedAt} open=${at === 0}>
          <summary>
            <b>${mail.subject}</b>
            <span class="dim">to ${mail.to}</span>
            <span class="push"></span>
            <span class="dim"
              ><${Time} ms=${mail.receivedAt} /> UTC · <${Ago} ms=${mail.receivedAt} /> ago</span
            >
          </summary>
          <pre><${Linked} text=${mail.text} /></pre>
        </details>`,
    )}`

const History = ({ changes }) =>
  changes.length === 0
    ? null
    : html`<table class="plain">
        <tbody>
          ${changes.map(
            (change) =>
              html`<tr key=${change['event.id']}>
                <td class="narrow"><${Time} ms=${isoToMs(change['@timestamp'])} /></td>
                <td class="narrow"><${State} state=${change['event.action']} /></td>
                <td class="narrow">${change['service.name'] ?? ''}</td>
                <td><${Text} text=${change.message} /></td>
              </tr>`,
          )}
        </tbody>
      </table>`

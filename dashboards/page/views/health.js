import { get, post } from '../api.js'
import { html, useState } from '../lib.js'
import { Empty, Failure, Loading, Text, Time } from '../parts.js'
import { usePoll } from '../poll.js'
import { amount, plural } from '../text.js'
import { isoToMs, span } from '../time.js'

const words = {
  green: 'Mesoscope is well: data flows.',
  amber: 'Mesoscope works, but something is in trouble.',
  red: 'Mesoscope is in trouble: something does not work.',
}

/** What each part does; collectors say it by their names. */
const tasks = {
  services: 'knows what Marathon tells of the services',
  index: 'puts lines, samples and changes where they can be searched',
  measure: 'measures the signals that rules and scaling follow',
  canary: 'how long lines take, from being written until a search finds them',
  deaths: 'makes one event of the end of a task',
  retention: 'deletes what is older than it has to be kept',
  alerting: 'evaluates the rules, sends the mails',
  spool: 'keeps on disk what was read, until it is on the bus',
  limit: 'drops, and counts, what a service writes beyond what it may',
  shipping: 'brings it from there to the bus',
  autoscaling: 'decides on the instances of services',
  'alerts view': 'knows the alerts, whichever process evaluates the rules',
  'scaling view': 'knows what was decided, whichever process scales',
}

const order = ['red', 'amber', 'green']
/** What is in trouble comes first; else the order is that in which they were started. */
const byIllness = (a, b) => order.indexOf(a.status) - order.indexOf(b.status)

/** Whether Mesoscope itself is well, and what it knows to be missing. */
export const HealthView = () => {
  const { data, error, reload } = usePoll(readHealth, 4000, [])
  // They keep what was refused, which is much to read for the server.
  const dead = usePoll(readDead, 30_000, [])
  if (!data)
    return error ? html`<${Failure} error=${error} retry=${reload} />` : html`<${Loading} />`
  const { health, gaps, told, lags } = data
  return html`
    <${Failure} error=${error} />
    <section class="verdict verdict-${health.status}">
      <span class="dot dot-${health.status}"></span>${words[health.status]}
    </section>
    ${
      health.processes.length > 0 &&
      html`<${Processes} processes=${health.processes} />
        <h1>This process</h1>`
    }
    <table class="plain">
      <thead>
        <tr>
          <th>Component</th>
          <th>State</th>
          <th class="number" title="how far its newest finished work is behind now">Behind</th>
          <th></th>
        </tr>
      </thead>
      <tbody>
        ${health.components.toSorted(byIllness).map((component) => html`<${Component} key=${component.name} of=${component} />`)}
      </tbody>
    </table>
    <${Lags} lags=${lags} />
    <h1>
      Gaps
      <span class="dim">lines that were counted at the source and are not here, last 7 days</span>
    </h1>
    <${Told} told=${told} />
    ${(gaps.length > 0 || told.length === 0) && html`<${Gaps} gaps=${gaps} />`}
    <h1>
      Dead letters
      <span class="dim">input that could not become a line or be stored, last 7 days</span>
    </h1>
    <${Failure} error=${dead.error} />
    ${dead.data && html`<${Dead} dead=${dead.data.dead} onDone=${dead.reload} />`}
  `
}

/** All processes of the cluster, the ill ones first, each with what is wrong with it. */
const Processes = ({ processes }) =>
  html`<table class="plain">
    <thead>
      <tr>
        <th>Process</th>
        <th>State</th>
        <th>Host</th>
        <th>Heard of</th>
        <th></th>
      </tr>
    </thead>
    <tbody>
      ${processes.map(
        (one) =>
          html`<tr key=${one.id}>
            <td class="narrow"><b>${one.roles.join(', ')}</b></td>
            <td class="narrow">
              <span class="dot dot-${one.status}"></span> ${one.isSilent ? 'silent' : one.status}
            </td>
            <td class="narrow">${one.host}</td>
            <td class="narrow"><${Time} ms=${one.atMs} /></td>
            <td>
              ${one.isSilent && html`<div>it has not told how it is since then: it was killed, or does not reach the bus</div>`}
              ${one.health.components
                .filter(({ trouble }) => trouble)
                .map(({ name, trouble }) => html`<div key=${name}><b>${name}</b> ${trouble}</div>`)}
            </td>
          </tr>`,
      )}
    </tbody>
  </table>`

async function readHealth(signal) {
  const [health, { gaps, told, lags }] = await Promise.all([
    get('api/health', {}, signal),
    get('api/gaps', { from: '7d' }, signal),
  ])
  return { health, gaps, told, lags }
}

const readDead = (signal) => get('api/dead', { from: '7d', limit: 100 }, signal)

const behind = (seconds) => {
  if (seconds === undefined) return ''
  return seconds < 1 ? '<1 s' : span(seconds * 1000)
}

const Component = ({ of }) =>
  html`<tr>
    <td class="narrow"><b>${of.name}</b></td>
    <td class="narrow"><span class="dot dot-${of.status}"></span>${of.status}</td>
    <td class="number narrow">${behind(of.behindSeconds)}</td>
    <td>
      ${of.trouble && html`<b>${of.trouble}</b>`}
      ${of.remedy && html`<span class="dim">${of.remedy}</span>`}
      ${!of.trouble && html`<span class="dim">${tasks[of.name] ?? ''}</span>`}
    </td>
  </tr>`

/** Whose lines wait to be read, and why. */
const Lags = ({ lags }) =>
  lags.length > 0 &&
  html`<h1>Behind <span class="dim">written, and not read yet</span></h1>
    <table class="plain">
      <thead>
        <tr>
          <th>Service</th>
          <th class="number">Behind</th>
          <th>Input</th>
          <th></th>
        </tr>
      </thead>
      <tbody>
        ${lags.map(
          ({ service, input, seconds, trouble }) =>
            html`<tr key=${service}>
              <td class="narrow">${service}</td>
              <td class="number narrow">${span(seconds * 1000)}</td>
              <td class="mono">${input}</td>
              <td>${trouble && html`<b>${trouble}</b>`}</td>
            </tr>`,
        )}
      </tbody>
    </table>`

/** What was gone before it could be read: the sequences of what was read cannot know of it. */
const Told = ({ told }) =>
  told.length > 0 &&
  html`<ul class="told">
    ${told.map((one) => html`<li key=${one['event.id']}><${Text} text=${one.message} /></li>`)}
  </ul>`

const Gaps = ({ gaps }) =>
  gaps.length === 0
    ? html`<${Empty} title="Complete">Every line that was read is stored.<//>`
    : html`<table class="plain">
        <thead>
          <tr>
            <th>Service</th>
            <th class="number">Missing</th>
            <th>Between (UTC)</th>
            <th>Source</th>
          </tr>
        </thead>
        <tbody>
          ${gaps.map(
            ({ service, source, missing, between }) =>
              html`<tr key=${source + missing[0]}>
                <td class="narrow">${service}</td>
                <td class="number narrow">${plural(missing[1] - missing[0] + 1, 'line')}</td>
                <td class="narrow">
                  <${Time} ms=${isoToMs(between[0])} fine /> –
                  <${Time} ms=${isoToMs(between[1])} fine />
                </td>
                <td class="mono">
                  ${source} <span class="dim">${amount(missing[0])}…${amount(missing[1])}</span>
                </td>
              </tr>`,
          )}
        </tbody>
      </table>`

const Dead = ({ dead, onDone }) =>
  dead.length === 0
    ? html`<${Empty} title="None">All input could be read and stored.<//>`
    : html`<table class="plain">
        <thead>
          <tr>
            <th>Time (UTC)</th>
            <th>Reason</th>
            <th class="number">Bytes</th>
            <th>Origin and beginning</th>
            <th></th>
          </tr>
        </thead>
        <tbody>
          ${dead.map(
            (one) =>
              html`<tr key=${one['event.id']}>
                <td class="narrow"><${Time} ms=${isoToMs(one['@timestamp'])} /></td>
                <td>${one.reason}</td>
                <td class="number narrow">${amount(one.bytes)}</td>
                <td class="mono">
                  <div class="dim">${one.origin}</div>
                  <${Text} text=${one.sample.slice(0, 300)} />
                </td>
                <td class="narrow"><${GiveBack} of=${one} onDone=${onDone} /></td>
              </tr>`,
          )}
        </tbody>
      </table>`

/** A button where the original of a dead letter is kept, and when it was given back last. */
const GiveBack = ({ of, onDone }) => {
  const [said, setSaid] = useState(undefined)
  if (!of.redrivable) return undefined
  const apply = async () => {
    setSaid('…')
    try {
      await post('api/dead/redrive', { ids: [of['event.id']], by: 'the page' })
      setSaid('given back')
      onDone()
    } catch (error) {
      setSaid(error.message)
    }
  }
  return html`<button
      class="button small"
      title="to the bus, as it was: once the cause is mended"
      disabled=${said === '…'}
      onClick=${apply}
    >
      give back
    </button>
    ${of.redriven && html`<div class="dim">last <${Time} ms=${isoToMs(of.redriven.at)} /></div>`}
    ${said && html`<div class="dim" role="status">${said}</div>`}`
}

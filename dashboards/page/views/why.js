import { get } from '../api.js'
import { html } from '../lib.js'
import { Empty, Failure, Loading, Task, Text, Time } from '../parts.js'
import { usePoll } from '../poll.js'
import { linkTo } from '../route.js'
import { isoToMs } from '../time.js'

/** Post-mortem of one task: what is known of its end, and what it wrote last. */
export const WhyView = ({ params }) => {
  const { data, error, reload } = usePoll(
    (signal) => get('api/tasks/why', { task: params.task }, signal),
    5000,
    [params.task],
  )
  if (!data)
    return error ? html`<${Failure} error=${error} retry=${reload} />` : html`<${Loading} />`
  if (data.postMortem) return html`<${End} of=${data.postMortem} rows=${data.rows} />`
  if (data.matches.length > 0) return html`<${Matches} of=${data.matches} />`
  return html`<${Empty} title="No such task has ended"
    >A task that still runs has no end; what ended long ago is kept no more.<//
  >`
}

const End = ({ of, rows }) => html`
  <h1>Why <${Task} task=${of.identity.task ?? of.identity.container ?? ''} /> ended</h1>
  <p>
    <b><${Time} ms=${of.atMs} /> UTC</b> <${Text} text=${of.message} />
  </p>
  <table class="plain why">
    <tbody>
      ${rows.map(
        ([name, text]) =>
          html`<tr key=${name}>
            <th class="narrow">${name}</th>
            <td><${Fact} name=${name} text=${text} at=${of.atMs} /></td>
          </tr>`,
      )}
    </tbody>
  </table>
  <h1>Its last lines <span class="dim">${of.lines.length}</span></h1>
  ${of.lines.length === 0 && html`<p class="dim">It wrote nothing, or its lines are kept no more.</p>`}
  ${of.lines.length > 0 && html`<pre class="last-lines"><${Text} text=${of.lines.map(lineOf).join('\n')} /></pre>`}
`

const lineOf = ({ time, message }) =>
  time ? `${new Date(isoToMs(time)).toISOString().slice(11, 23)} ${message}` : message

const Fact = ({ name, text, at }) => {
  const around = (minutes) => new Date(at + minutes * 60_000).toISOString()
  if (name !== 'Service') return html`<${Text} text=${text} />`
  const place = { service: text, from: around(-5), to: around(2) }
  return html`<a href=${linkTo('service', place)}>${text}</a>`
}

const Matches = ({ of }) => html`
  <h1>Several tasks are meant</h1>
  <table class="plain">
    <tbody>
      ${of.map(
        ({ task, service, atMs, message }) =>
          html`<tr key=${task}>
            <td class="narrow"><${Time} ms=${atMs} /></td>
            <td class="narrow">${service ?? ''}</td>
            <td class="narrow">
              <a href=${linkTo('why', { task })}><${Task} task=${task} /></a>
            </td>
            <td><${Text} text=${message} /></td>
          </tr>`,
      )}
    </tbody>
  </table>
`

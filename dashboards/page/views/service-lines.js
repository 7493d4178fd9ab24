import { get } from '../api.js'
import { html } from '../lib.js'
import { Failure, LevelTag, Task, Time } from '../parts.js'
import { usePoll } from '../poll.js'
import { linkTo } from '../route.js'
import { isoToMs } from '../time.js'
import { Message } from './log-lines.js'

const count = 25

/** The newest lines of the stretch, errors first in sight: the way to all of them is one click. */
export const ServiceLines = ({ service, range }) => {
  const { data, error, reload } = usePoll(
    (signal) => get('api/logs', { service, ...range, limit: count }, signal),
    range.to ? 0 : 4000,
    [service, range],
  )
  return html`<section class="service-lines">
    <h1>
      Newest lines
      <a class="dim" href=${linkTo('logs', { service, ...range })}>all of them, with search →</a>
    </h1>
    <${Failure} error=${error} retry=${reload} />
    <div class="lines" role="list">
      ${data?.hits.map((doc) => html`<${Line} key=${doc['event.id']} doc=${doc} service=${service} />`)}
    </div>
    ${data?.hits.length === 0 && html`<p class="dim">No line in this time.</p>`}
  </section>`
}

const Line = ({ doc, service }) => {
  const ms = isoToMs(doc['@timestamp'])
  const at = new Date(ms + 1000).toISOString()
  const from = new Date(ms - 60_000).toISOString()
  return html`<div class="line line-${doc['log.level']}" role="listitem">
    <a class="line-head" href=${linkTo('logs', { service, from, to: at, id: doc['event.id'] })}>
      <${Time} ms=${ms} fine />
      <${LevelTag} level=${doc['log.level']} />
      <${Task} task=${doc['mesos.task.id'] ?? doc['container.name'] ?? doc['container.id']} />
      <${Message} text=${doc.message} words=${[]} />
    </a>
  </div>`
}

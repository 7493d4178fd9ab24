import { html } from '../lib.js'
import { Ago, Task } from '../parts.js'
import { linkTo } from '../route.js'
import { percent } from '../units.js'

/** The instances, each with its state and load. */
export const Tasks = ({ tasks, service }) =>
  tasks.length > 0 &&
  html`<h1>Instances</h1>
    <table class="plain small-table tasks">
      <thead>
        <tr>
          <th>Instance</th>
          <th>State</th>
          <th class="col-agent">Agent</th>
          <th class="number">CPU</th>
          <th class="number">Memory</th>
          <th class="number">Age</th>
        </tr>
      </thead>
      <tbody>
        ${tasks.map((task) => html`<${Row} key=${task.task} of=${task} service=${service} />`)}
      </tbody>
    </table>`

const Row = ({ of, service }) =>
  html`<tr>
    <td class="narrow">
      <a href=${linkTo('logs', { service, task: of.task })} title=${of.task}
        ><${Task} task=${of.task}
      /></a>
    </td>
    <td class="narrow">
      ${of.state.replace(/^TASK_/, '').toLowerCase()}
      ${of.healthy !== undefined && html`<span class="dim">${of.healthy ? ', healthy' : ', unhealthy'}</span>`}
    </td>
    <td class="narrow dim col-agent">${of.agent ?? ''}</td>
    <td class="number narrow">${of.cpu === undefined ? '–' : percent(of.cpu)}</td>
    <td class="number narrow">${of.memory === undefined ? '–' : percent(of.memory)}</td>
    <td class="number narrow">
      ${of.startedMs === undefined ? '–' : html`<${Ago} ms=${of.startedMs} />`}
    </td>
  </tr>`

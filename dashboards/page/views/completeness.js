import { get } from '../api.js'
import { html } from '../lib.js'
import { Text, Time } from '../parts.js'
import { usePoll } from '../poll.js'
import { plural } from '../text.js'
import { isoToMs } from '../time.js'

const everyMs = 15_000
/** Further behind than this is told; less is what every line takes. */
const usualSeconds = 5

/** Whether all lines of this service and time are here; else each gap, with its time. */
export const Completeness = ({ service, range }) => {
  const { data } = usePoll((signal) => get('api/gaps', { service, ...range }, signal), everyMs, [
    service,
    range,
  ])
  if (!data) return html`<p class="completeness"></p>`
  const { complete, sources, lines, gaps, told } = data
  const counted = `${plural(lines, 'line')} of ${plural(sources, 'source')}`
  const behind = html`<${Behind} of=${data} />`
  if (complete)
    return html`<p
      class="completeness complete"
      title="no number is missing in what was counted at the sources"
    >
      <b>✓ complete</b> ${counted}${behind}
    </p>`
  const missing = gaps.reduce((sum, { missing: [first, last] }) => sum + last - first + 1, 0)
  return html`<details class="completeness incomplete">
    <summary>
      <b>not complete:</b>
      ${gaps.length > 0 && ` ${plural(missing, 'line')} missing in ${plural(gaps.length, 'gap')}`}
      ${told.length > 0 && ` ${plural(told.length, 'loss', 'losses')} told by collectors`}
      <span class="dim"> beside ${counted}</span>${behind}
    </summary>
    <ul>
      ${told.map((one) => html`<li key=${one['event.id']}><${Text} text=${one.message} /></li>`)}
      ${gaps.map(
        ({ source, missing: [first, last], between: [after, before] }) =>
          html`<li key=${source + first}>
            ${plural(last - first + 1, 'line')} between <${Time} ms=${isoToMs(after)} fine /> and
            ${' '}<${Time} ms=${isoToMs(before)} fine /> of <span class="mono">${source}</span>
          </li>`,
      )}
    </ul>
  </details>`
}

/** What was written and is not here yet. */
const Behind = ({ of: { behindSeconds = 0, lags } }) => {
  const seconds = Math.max(behindSeconds, ...lags.map((lag) => lag.seconds))
  if (seconds < usualSeconds) return null
  const why = lags.map(({ input, trouble }) => `${input}${trouble ? `: ${trouble}` : ''}`)
  return html`<span class="late" title=${why.join('\n')}>
    ${' · '}those of the last ${Math.round(seconds)} s are on their way
  </span>`
}

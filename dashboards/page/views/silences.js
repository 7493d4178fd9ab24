import { remove } from '../api.js'
import { html, useState } from '../lib.js'
import { matchersText } from '../matchers.js'
import { Ago, Empty, Failure, State, Text, Time } from '../parts.js'
import { useTick } from '../poll.js'
import { linkTo } from '../route.js'
import { left, now } from '../time.js'

const mostExpired = 20

/** The link that opens the form on these matchers. */
export const silenceLink = (matchers) => linkTo('alerts', { silence: matchersText(matchers) })

/** Who muted what, why and for how long; those that ended lately on request. */
export const Silences = ({ silences, reload }) => {
  useTick(5000)
  const open = silences.filter(({ status }) => status.state !== 'expired')
  const expired = silences.filter(({ status }) => status.state === 'expired').slice(0, mostExpired)
  return html`<h1>
      Silences
      <a class="button small" href=${silenceLink([])}>New silence</a>
    </h1>
    ${open.length === 0 && html`<${Empty} title="Nothing is silenced">Press Silence on an alert to mute it for a time, in your name.<//>`}
    ${open.map((silence) => html`<${Silence} key=${silence.id} silence=${silence} reload=${reload} />`)}
    ${
      expired.length > 0 &&
      html`<details class="expired">
        <summary>Ended lately</summary>
        ${expired.map((silence) => html`<${Silence} key=${silence.id} silence=${silence} reload=${reload} />`)}
      </details>`
    }`
}

const Silence = ({ silence, reload }) => {
  const { id, status, matchers, createdBy, comment } = silence
  const [{ busy, error }, setEnding] = useState({})
  const end = async () => {
    setEnding({ busy: true })
    try {
      await remove(`api/v2/silence/${encodeURIComponent(id)}`)
      setEnding({})
      reload()
    } catch (error) {
      setEnding({ error })
    }
  }
  return html`<article class="silence silence-${status.state}">
    <div class="alert-head">
      <${State} state=${status.state} />
      <code class="matchers"><${Text} text=${matchersText(matchers)} /></code>
      <span class="push"></span>
      <${Left} silence=${silence} />
    </div>
    <p>
      <b><${Text} text=${createdBy} /></b>: <${Text} text=${comment} />
    </p>
    <${Failure} error=${error} />
    <div class="alert-foot">
      ${
        status.state === 'expired'
          ? html`<a class="button small" href=${silenceLink(matchers)}>Silence again</a>`
          : html`<button class="button small" disabled=${busy} onClick=${end}>End now</button>`
      }
    </div>
  </article>`
}

/** "ends in 42 min", "begins in 3 h", "ended 5 min ago" */
const Left = ({ silence: { status, startsAt, endsAt } }) => {
  const [from, to] = [Date.parse(startsAt), Date.parse(endsAt)]
  if (status.state === 'expired')
    return html`<span class="since"
      >ended <b><${Ago} ms=${to} /> ago</b></span
    >`
  const [word, ms] = status.state === 'pending' ? ['begins', from] : ['ends', to]
  return html`<span class="since"
    >${word} in <b>${left(ms - now())}</b> · <${Time} ms=${ms} /> UTC</span
  >`
}

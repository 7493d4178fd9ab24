import { get } from './api.js'
import { DemoBar } from './demo.js'
import { html, render, useEffect } from './lib.js'
import { Failure } from './parts.js'
import { usePoll, useTick } from './poll.js'
import { useRoute } from './route.js'
import { now, utcClock, utcDay } from './time.js'
import { AlertsView } from './views/alerts.js'
import { ChangesView } from './views/changes.js'
import { HealthView } from './views/health.js'
import { LogsView } from './views/logs.js'
import { ServiceView } from './views/service.js'
import { ServicesView } from './views/services.js'
import { WhyView } from './views/why.js'

const views = {
  services: { title: 'Services', component: ServicesView },
  logs: { title: 'Logs', component: LogsView },
  alerts: { title: 'Alerts', component: AlertsView },
  changes: { title: 'Changes', component: ChangesView },
  health: { title: 'Health', component: HealthView },
}
/** Views that are reached from others. */
const inner = {
  service: { title: 'Service', component: ServiceView, above: 'services' },
  why: { title: 'Why a task ended', component: WhyView, above: 'changes' },
}

const App = () => {
  const { view, params } = useRoute()
  const status = usePoll(readStatus, 4000, [])
  const demo = usePoll((signal) => get('api/demo/faults', {}, signal), 0, [])
  const alerts = status.data?.alerts ?? []
  const firing = alerts.filter(({ state }) => state === 'firing').length
  const shown = views[view] ?? inner[view] ?? views.services
  useEffect(() => {
    const named = (view === 'logs' || view === 'service') && params.service
    const place = named ? params.service : shown.title
    document.title = `${firing > 0 ? `(${firing}) ` : ''}${place} – Mesoscope`
  }, [firing, view, params.service])
  return html`
    <header class="top">
      <a class="brand" href="#/services"
        ><img src="favicon.svg" alt="" width="22" height="22" />Mesoscope</a
      >
      <nav>
        ${Object.entries(views).map(
          ([name, { title }]) =>
            html`<a
              href="#/${name}"
              class=${name === view || name === shown.above ? 'here' : ''}
              aria-current=${name === view ? 'page' : null}
            >
              ${title}<${Badge} name=${name} firing=${firing} health=${status.data?.health} />
            </a>`,
        )}
      </nav>
      <${Clock} lost=${status.error} />
    </header>
    ${demo.data?.demo && html`<${DemoBar} faults=${demo.data.faults} />`}
    <main>
      ${status.error && !status.data && html`<${Failure} error=${status.error} />`}
      <${shown.component} params=${params} alerts=${alerts} health=${status.data?.health} />
    </main>
  `
}

async function readStatus(signal) {
  const [{ alerts }, health] = await Promise.all([
    get('api/alerts', { limit: 1 }, signal),
    get('api/health', {}, signal),
  ])
  return { alerts, health }
}

const Badge = ({ name, firing, health }) => {
  if (name === 'alerts' && firing > 0) return html`<span class="badge">${firing}</span>`
  if (name === 'health' && health)
    return html`<span class="dot dot-${health.status}" title=${health.status}></span>`
  return null
}

const Clock = ({ lost }) => {
  useTick(1000)
  if (lost) return html`<span class="clock lost" title=${lost.remedy}>${lost.message}</span>`
  return html`<span class="clock" title="All times are UTC; hover one for your local time">
    ${utcDay(now())} <b>${utcClock(now())}</b> UTC
  </span>`
}

const root = document.querySelector('#app')
if (root) {
  root.textContent = ''
  render(html`<${App} />`, root)
}

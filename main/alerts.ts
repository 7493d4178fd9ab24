import { hostname } from 'node:os'
import { openAlerting, type Alerting } from '../alerting/index.ts'
import type { AlertSettings, MailSettings } from '../config/settings.ts'
import type { ChangeDoc } from '../pipeline/event.ts'
import { secondsSince, type Base } from './base.ts'

/** Rules and mails. `url`: where the page listens, once it does. */
export async function openAlerts(base: Base, url: () => string | undefined): Promise<Alerting> {
  const { settings, signals, bus, store, services, clock, metrics, log, components, stack } = base
  const { mail } = settings
  const alerting = await openAlerting({
    bus,
    signals,
    rules: settings.alerts.map(ruleOf),
    ...(mail ? { mail: mailSettings(mail) } : {}),
    intervalMs: settings.evaluation.interval,
    beginAt: clock.now(),
    watchGapMs: 10_000,
    samples: async ({ service, ...query }) =>
      (await store.search({ ...query, ...(service === undefined ? {} : { services: [service] }) }))
        .hits,
    changes: (query) => store.docs('changes', query),
    measurements: (query) => store.samples(query),
    aboutService: services.get,
    publish: (docs) => bus.produce('changes', docs.map(changeRecord)),
    publicUrl: () => settings.listen.public_url ?? reachable(url()),
    clock,
    metrics,
    log,
  })
  stack.defer(() => alerting.close())
  components.push({
    name: 'alerting',
    trouble: alerting.trouble,
    behindSeconds: () => secondsSince(alerting.through(), clock),
  })
  return alerting
}

function ruleOf({ alert, when, for: forMs, keep_firing_for, labels, annotations }: AlertSettings) {
  return { alert, when, forMs, keepFiringForMs: keep_firing_for, labels, annotations }
}

function mailSettings({ host, port, secure, user, password, from, to, domain }: MailSettings) {
  return {
    host,
    port,
    secure,
    ...(user === undefined ? {} : { user }),
    ...(password === undefined ? {} : { password: password.reveal() }),
    from,
    to,
    domain: domain ?? from.slice(from.indexOf('@') + 1),
  }
}

/** For links in mails: nobody can go to `http://0.0.0.0`. */
function reachable(url: string | undefined): string | undefined {
  return url?.replace(/^http:\/\/(0\.0\.0\.0|\[::\])/, `http://${hostname()}`)
}

function changeRecord(doc: ChangeDoc) {
  const service = doc['service.name']
  return {
    key: typeof service === 'string' ? service : '',
    value: Buffer.from(JSON.stringify(doc)),
  }
}

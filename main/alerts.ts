import { hostname } from 'node:os'
import {
  channels,
  openAlerting,
  viewAlerts,
  type Alerting,
  type AlertingOptions,
  type CurrentAlert,
} from '../alerting/index.ts'
import { declaredRule } from '../config/declared.ts'
import type { MailSettings } from '../config/settings.ts'
import { compileRules, ruleId } from '../alerting/rules/rule.ts'
import type { RuleFacts } from '../pipeline/covers.ts'
import { followEpochs } from '../pipeline/bus/epochs.ts'
import { openLeader } from '../pipeline/bus/leader.ts'
import type { ChangeDoc } from '../pipeline/event.ts'
import { secondsSince, type Base, type BaseWithStore } from './base.ts'

/** See `SignalGridOptions.watchGapMs`. */
export const watchGapMs = 10_000

/** Where the page listens, once it does. */
type Url = () => string | undefined

/** Alerts for people to look at, whichever process evaluates the rules. */
export async function openAlertsView(base: Base, url: Url): Promise<() => CurrentAlert[]> {
  const { bus, clock, components, stack } = base
  const view = await base.patiently(() => followEpochs(bus, 'alerts'))
  stack.defer(() => view.close())
  components.push({ name: 'alerts view', trouble: view.trouble })
  return () => viewAlerts(view.latest(), clock.now(), publicUrl(base, url))
}

/** Rules and mails. Of several processes one evaluates and sends at a time. */
export function openAlerts(
  base: BaseWithStore,
  url: Url,
): { alerts(): CurrentAlert[] | undefined } {
  const { bus, clock, log, components, stack } = base
  const options = optionsOf(base, url)
  // Faults of the settings are told at the start, not when it is this process's turn.
  if (options.mail) channels.mail(options.mail, options).close()
  let alerting: Alerting | undefined
  const leader = openLeader({
    bus,
    topic: 'alerts',
    log,
    async lead(own) {
      const opened = await openAlerting({ ...options, bus: own, beginAt: clock.now() })
      alerting = opened
      return {
        async close() {
          if (alerting === opened) alerting = undefined
          await opened.close()
        },
      }
    },
  })
  stack.defer(() => leader.close())
  components.push({
    name: 'alerting',
    trouble: () => leader.trouble() ?? alerting?.trouble(),
    behindSeconds: () => secondsSince(alerting?.through(), clock),
  })
  return { alerts: () => alerting?.alerts() }
}

function optionsOf(base: BaseWithStore, url: Url): AlertingOptions {
  const { settings, signals, bus, store, services, clock, metrics, log } = base
  const { mail } = settings
  return {
    bus,
    signals,
    rules: settings.alerts.map(declaredRule),
    ...(mail ? { mail: mailSettings(mail) } : {}),
    intervalMs: settings.evaluation.interval,
    watchGapMs,
    samples: async ({ service, ...query }) =>
      (await store.search({ ...query, ...(service === undefined ? {} : { services: [service] }) }))
        .hits,
    changes: (query) => store.docs('changes', query),
    measurements: (query) => store.samples(query),
    aboutService: services.get,
    publish: (docs) => bus.produce('changes', docs.map(changeRecord)),
    publicUrl: () => publicUrl(base, url),
    clock,
    metrics,
    log,
  }
}

/** What the declared rules read; a faulty one looks at nothing. */
export function ruleFacts({ settings, signals }: Pick<Base, 'settings' | 'signals'>): RuleFacts[] {
  const declared = settings.alerts.map(declaredRule)
  const labels = new Map(declared.map((rule) => [ruleId(rule), rule.labels]))
  const { rules } = compileRules(declared, signals)
  return rules.map(({ id, alert, reads }) => ({ alert, reads, labels: labels.get(id) ?? {} }))
}

function publicUrl({ settings }: Base, url: Url): string | undefined {
  return settings.listen.public_url ?? reachable(url())
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

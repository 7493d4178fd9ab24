import { hostname } from 'node:os'
import {
  openAlerting,
  viewAlerts,
  viewRules,
  type Alerting,
  type AlertingOptions,
  type CurrentAlert,
} from '../alerting/index.ts'
import { openDesk } from '../alerting/desk.ts'
import { checkWays } from '../alerting/ways.ts'
import { declaredRule } from '../config/declared.ts'
import type { BadRule } from '../config/set-aside.ts'
import type { Settings } from '../config/settings.ts'
import { compileRules } from '../alerting/rules/compile.ts'
import type { FlapSettings } from '../alerting/rules/flap-marking.ts'
import { ruleId } from '../alerting/rules/rule.ts'
import type { Answers } from '../dashboards/api.ts'
import type { RuleFacts } from '../pipeline/covers.ts'
import { measuredBehind, openDerived } from '../pipeline/signal-derived.ts'
import type { NotificationDesk } from '../pipeline/notification-desk.ts'
import { withoutUndefined } from '../pipeline/without-undefined.ts'
import { followEpochs } from '../pipeline/bus/epochs.ts'
import { explain } from '../pipeline/errors.ts'
import type { ChangeDoc } from '../pipeline/event.ts'
import type { OpenLines } from '../alerting/evaluator.ts'
import { openMatchingLines } from '../processors/matching-lines.ts'
import { nothingKnown, type KnownIdentities } from '../processors/resolve.ts'
import { secondsSince, type Base, type BaseWithStore } from './base.ts'
import { openDuty } from './duty.ts'
import { readStages, type Stages } from '../alerting/stages/read.ts'
import { directNames, mailSettings, notifyingOf } from './notifying.ts'
import { reloadChange, reloadWords } from './reload.ts'

/** See `SignalGridOptions.watchGapMs`. */
export const watchGapMs = 10_000

/** Where the page listens, once it does. */
type Url = () => string | undefined

/** Alerts and rules for people to look at, whichever process evaluates them. */
export async function openAlertsView(
  base: Base,
  stages: Readonly<CurrentStages>,
  url: Url,
): Promise<AlertsView> {
  const { bus, clock, components, stack } = base
  const view = await base.patiently(() => followEpochs(bus, 'alerts'))
  stack.defer(() => view.close())
  components.push({ name: 'alerts view', trouble: view.trouble })
  return {
    desk: openDesk({
      bus,
      latest: view.latest,
      config: () => stages.current.config,
      configText: () => stages.current.text,
      direct: () => directNames(base.settings),
      publicUrl: () => publicUrl(base, url),
      clock,
    }),
    alerts: () => viewAlerts(view.latest(), clock.now(), publicUrl(base, url)),
    rules() {
      const { rules, through } = viewRules(view.latest())
      // Nobody has evaluated them yet.
      const declared = () =>
        base.settings.alerts
          .map(declaredRule)
          .map(({ alert, when }) => ({ alert, when, active: 0 }))
      return {
        rules: rules.length > 0 ? rules.map(viewOf) : declared(),
        ...(through === undefined ? {} : { through }),
      }
    },
  }
}

interface AlertsView {
  desk: NotificationDesk
  alerts(): CurrentAlert[]
  rules(): Answers['/api/rules']
}

export interface Alerts {
  /** Undefined while another process evaluates. */
  alerts(): CurrentAlert[] | undefined
  /** Undefined while another process evaluates. */
  rules(): Answers['/api/rules'] | undefined
  /** Uses the rules of these settings from now on; tells what has changed. */
  reload(settings: Settings, badRules: readonly BadRule[]): Promise<string>
  refuseReload(faults: readonly string[]): void
}

/** Read again with the settings. */
export interface CurrentStages {
  current: Stages
}

interface Given {
  stages: CurrentStages
  /** Rules of the settings that were set aside. */
  badRules: readonly BadRule[]
  /** Of a process that resolves identities; without, a line has what its collector knew. */
  catalog: Pick<KnownIdentities, 'complete'> | undefined
}

/** How rules on single lines get theirs. */
function linesOf(
  { bus, log }: BaseWithStore,
  catalog: Pick<KnownIdentities, 'complete'>,
): OpenLines {
  return (wanted, restored) => openMatchingLines({ bus, catalog, wanted, restored, log })
}

/** Rules and mails. Of several processes one evaluates and sends at a time. */
export function openAlerts(
  base: BaseWithStore,
  { badRules, stages, catalog = nothingKnown }: Given,
  url: Url,
): Alerts {
  const { clock, log, components } = base
  const options = { ...optionsOf(base, url), lines: linesOf(base, catalog) }
  // Faults of the settings are told at the start, not when it is this process's turn.
  checkWays({ ...options, ...tellingOf(base.settings, base), stages: stages.current.config })
  let used = base.settings
  let rules = { rules: used.alerts.map(declaredRule), badRules }
  let refused: string | undefined
  const duty = openDuty(
    base,
    'alerts',
    (own) =>
      openAlerting({
        ...options,
        ...tellingOf(used, base),
        ...rules,
        stages: stages.current.config,
        bus: own,
        beginAt: clock.now(),
      }),
    'rules are not evaluated since they were reloaded',
  )
  components.push({
    name: 'alerting',
    trouble: () => duty.trouble() ?? refused ?? duty.current()?.trouble(),
    behindSeconds: () => secondsSince(duty.current()?.through(), clock),
  })
  return {
    alerts: () => duty.current()?.alerts(),
    rules() {
      const alerting = duty.current()
      if (!alerting) return undefined
      const through = alerting.through()
      const views = alerting.rules().map(viewOf)
      return { rules: views, ...(through === undefined ? {} : { through }) }
    },
    async reload(settings, bad) {
      const read = readStages(settings.notifications.config, directNames(settings))
      checkWays({ ...options, ...tellingOf(settings, base), stages: read.config })
      const told = reloadWords(used, settings, bad)
      stages.current = read
      refused = undefined
      used = settings
      rules = { rules: settings.alerts.map(declaredRule), badRules: bad }
      await duty.reopen()
      await options.publish([reloadChange(told, clock.now())]).catch((error: unknown) => {
        // They are used already.
        log.warn({ error: explain(error) }, 'that rules were reloaded is not on the timeline')
      })
      log.info({ told }, 'rules were reloaded')
      return told
    },
    refuseReload(faults) {
      const others = faults.length > 1 ? `, and ${faults.length - 1} more` : ''
      refused = `the settings were not reloaded: ${faults[0]}${others}: correct them, or restart with those from before`
    },
  }
}

function viewOf({ alert, when, active, ...health }: ReturnType<Alerting['rules']>[number]) {
  return { alert, when, active, ...withoutUndefined(health) }
}

/** Who is told, and when. */
function tellingOf({ mail, notifications }: Settings, { services }: Base) {
  return {
    ...(mail ? { mail: mailSettings(mail) } : {}),
    ...notifyingOf({ notifications }),
    ...(notifications.hold
      ? { held: { services: services.all, marathons: services.marathon } }
      : {}),
  }
}

function optionsOf(base: BaseWithStore, url: Url): Omit<AlertingOptions, 'stages' | 'hosts'> {
  const { settings, signals, bus, store, services, clock, metrics, log } = base
  return {
    bus,
    signals,
    rules: [],
    intervalMs: settings.evaluation.interval,
    flapping: flappingOf(settings),
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

export function flappingOf({ evaluation }: Pick<Settings, 'evaluation'>): FlapSettings {
  const { low, high, every: everyMs } = evaluation.flapping
  return { low, high, everyMs }
}

/** What the declared rules read; a faulty one looks at nothing. */
export function ruleFacts({ settings, signals }: Pick<Base, 'settings' | 'signals'>): RuleFacts[] {
  const declared = settings.alerts.map(declaredRule)
  const labels = new Map(declared.map((rule) => [ruleId(rule), rule.labels]))
  const { rules } = compileRules(declared, signals)
  const { signals: derived } = openDerived(signals)
  return rules.map(({ id, alert, reads, log }) => ({
    alert,
    reads: measuredBehind(reads, signals, derived),
    ...(log?.from === 'logs' ? { where: log.where } : {}),
    labels: labels.get(id) ?? {},
  }))
}

function publicUrl({ settings }: Base, url: Url): string | undefined {
  return settings.listen.public_url ?? reachable(url())
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

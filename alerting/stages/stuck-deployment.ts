/** The alert that a deployment is stuck. It is posted again and again, as Prometheus does: without us it would end by itself. */
import { spokenSeconds } from '../../pipeline/spoken.ts'
import type { PostedAlert } from './alerts.ts'
import type { Labels } from './labels.ts'
import { openUntil, stepText, type LeasedDeployment, type LeaseTimes } from './leased-deployment.ts'

export type StuckSettings = LeaseTimes & {
  /** Labels of the alert beside its name, `service` and `deployment`: routes match them. */
  stuckLabels: Labels
}

/** How often it is posted, and how long it is believed then, ms. */
const repeatMs = 60_000
const believedMs = 4 * repeatMs
const maxShown = 20

export function capAt({ sinceMs }: LeasedDeployment, { capMs }: LeaseTimes): number {
  return sinceMs + capMs
}

/** What is to be posted at `now`, ms; `one` remembers it. */
export function stuckNews(
  one: LeasedDeployment,
  now: number,
  settings: StuckSettings,
): PostedAlert | undefined {
  if (one.endedMs !== undefined) return one.stuck ? ended(one, one.stuck, settings) : undefined
  if (!one.stuck && !isStuck(one, now, settings)) return undefined
  if (one.stuck && now < toldAgainAt(one, one.stuck)) return undefined
  const [service = ''] = one.services.keys()
  const before = one.stuck ?? { sinceMs: capAt(one, settings), service }
  one.stuck = { ...before, toldMs: now, ...(one.step === undefined ? {} : { step: one.step }) }
  return { ...alertOf(one, one.stuck, settings), endsAt: now + believedMs }
}

/** When `stuckNews` has something next, ms; undefined where it has nothing as far as is known at `now`. */
export function stuckNewsAt(
  one: LeasedDeployment,
  now: number,
  settings: StuckSettings,
): number | undefined {
  if (one.stuck) return one.endedMs ?? toldAgainAt(one, one.stuck)
  const at = capAt(one, settings)
  return one.endedMs === undefined && (at > now || isStuck(one, now, settings)) ? at : undefined
}

/** Whether one that nobody has seen of late still runs is not known: it begins no alert, and ends none. */
function isStuck(one: LeasedDeployment, now: number, settings: StuckSettings): boolean {
  return now >= capAt(one, settings) && now < openUntil(one, settings)
}

type Stuck = NonNullable<LeasedDeployment['stuck']>

function toldAgainAt({ step }: LeasedDeployment, { step: told, toldMs }: Stuck): number {
  return step === told ? toldMs + repeatMs : toldMs
}

function ended(one: LeasedDeployment, stuck: Stuck, settings: StuckSettings): PostedAlert {
  delete one.stuck
  const endsAt = Math.max(stuck.sinceMs, one.endedMs ?? 0)
  return { ...alertOf(one, stuck, settings), endsAt }
}

function alertOf(
  one: LeasedDeployment,
  { sinceMs, service }: Stuck,
  { capMs, stuckLabels }: StuckSettings,
): PostedAlert {
  const services = [...one.services.keys()]
  const more = services.length > maxShown ? ` and ${services.length - maxShown} more` : ''
  const step = stepText(one)
  const what = service === '' ? `Deployment ${one.id}` : `Deployment ${one.id} of ${service}`
  const longer = `has run for more than ${spokenSeconds(capMs / 1000)}`
  return {
    labels: { ...stuckLabels, alertname: 'DeploymentStuck', service, deployment: one.id },
    annotations: {
      summary: `${what} ${longer}${step === undefined ? '' : `: ${step}`}`,
      apps: services.slice(0, maxShown).join(', ') + more,
      runbook: runbook.replace('ID', one.id),
    },
    startsAt: sinceMs,
  }
}

const runbook =
  'The alerts of its apps are held no more. Its changes show the step it stands at: new tasks may fail (mesoscope task why), ' +
  'fail their health checks, or wait for offers. Roll back in Marathon (DELETE /v2/deployments/ID); do not force it.'

import { randomUUID } from 'node:crypto'
import { readStagesConfig } from '../../alerting/stages/config.ts'
import { createDispatcher, type AlertStatus } from '../../alerting/stages/dispatch.ts'
import type { MatcherText } from '../../alerting/stages/matcher.ts'
import { routesById, routesOf } from '../../alerting/stages/routes.ts'
import { silenceState, type Silence } from '../../alerting/stages/silences.ts'
import type { Clock } from '../../pipeline/clock.ts'
import type {
  DeskAlert,
  DeskMatcher,
  DeskSilence,
  NotificationDesk,
} from '../../pipeline/notification-desk.ts'

/** A desk over the real dispatcher, in memory, that sends nothing. `yaml` is Alertmanager's configuration, without secrets. */
export function memoryDesk(yaml: string, clock: Clock): NotificationDesk {
  const config = readStagesConfig(yaml, 'alertmanager.yml')
  const dispatcher = createDispatcher(config, clock.now())
  const routes = routesById(config.route)
  const toDesk = ({ alert, state, silencedBy, inhibitedBy }: AlertStatus): DeskAlert => ({
    ...alert,
    receivers: routesOf(config.route, alert.labels).map(({ receiver }) => receiver),
    state,
    silencedBy,
    inhibitedBy: inhibitedBy === undefined ? [] : [inhibitedBy],
    mutedBy: [],
  })
  const alerts = () => dispatcher.status(clock.now()).map(toDesk)
  return {
    config: () => yaml,
    receivers: () => [...config.receivers.keys()],
    alerts,
    groups: () => {
      const known = new Map(alerts().map((alert) => [alert.fingerprint, alert]))
      return dispatcher.state(clock.now()).groups.map(({ routeId, labels, alerts }) => ({
        labels,
        routeLabels: routes.get(routeId)?.labels ?? {},
        receiver: routes.get(routeId)?.receiver ?? '',
        alerts: Object.keys(alerts).flatMap((fingerprint) => known.get(fingerprint) ?? []),
      }))
    },
    silences: () => dispatcher.silences.list().map((one) => silenceOf(one, clock.now())),
    post: async (posted) => dispatcher.post(posted, clock.now()),
    setSilence: async (request) =>
      dispatcher.silences.set(
        { ...request, matchers: request.matchers.map(textOf) },
        clock.now(),
        randomUUID(),
      ),
    expireSilence: async (id) => {
      if (!dispatcher.silences.list().some((one) => one.id === id)) return false
      dispatcher.silences.expire(id, clock.now())
      return true
    },
  }
}

function silenceOf(silence: Silence, now: number): DeskSilence {
  return {
    ...silence,
    matchers: silence.matchers.map(deskMatcher),
    state: silenceState(silence, now),
  }
}

function deskMatcher({ name, op, value }: MatcherText): DeskMatcher {
  return { name, value, isRegex: op.endsWith('~'), isEqual: op.startsWith('=') }
}

function textOf({ name, value, isRegex, isEqual }: DeskMatcher): MatcherText {
  if (isRegex) return { name, op: isEqual ? '=~' : '!~', value }
  return { name, op: isEqual ? '=' : '!=', value }
}

import { randomUUID } from 'node:crypto'
import { deskAlert, deskSilence, groupsOf, requestOf } from '../../alerting/desk.ts'
import { readStagesConfig } from '../../alerting/stages/config.ts'
import { createDispatcher } from '../../alerting/stages/dispatch.ts'
import type { Clock } from '../../pipeline/clock.ts'
import type { NotificationDesk } from '../../pipeline/notification-desk.ts'

/** A desk over the real dispatcher, in memory, that sends nothing. `yaml` is Alertmanager's configuration, without secrets. */
export function memoryDesk(yaml: string, clock: Clock): NotificationDesk {
  const config = readStagesConfig(yaml, 'alertmanager.yml')
  const dispatcher = createDispatcher(config, clock.now())
  const alerts = () => dispatcher.status(clock.now()).map((one) => deskAlert(one, config))
  return {
    // In memory there is nobody to tell.
    test: async () => [],
    config: () => yaml,
    receivers: () => [...config.receivers.keys()],
    alerts,
    groups: () => groupsOf(alerts(), config),
    silences: () => dispatcher.silences.list().map((one) => deskSilence(one, clock.now())),
    post: async (posted) => dispatcher.post(posted, clock.now()),
    setSilence: async (request) =>
      dispatcher.silences.set(requestOf(request), clock.now(), randomUUID()),
    expireSilence: async (id) => {
      if (!dispatcher.silences.list().some((one) => one.id === id)) return false
      dispatcher.silences.expire(id, clock.now())
      return true
    },
  }
}

import type { Clock } from '../pipeline/clock.ts'
import type { AlertmanagerSettings } from './channels/alertmanager.ts'
import type { Channel } from './channels/channel.ts'
import { openHttpChannel } from './channels/http-channel.ts'
import { openMailChannel, type MailOptions, type MailSettings } from './channels/mail.ts'
import { openIntegration } from './channels/of-integration.ts'
import { openNagiosChannel } from './channels/nagios/nagios.ts'
import type { NagiosSettings } from './channels/nagios/settings.ts'
import type { StagesConfig } from './stages/config.ts'
import { incidentOf, type OwnedState } from './records.ts'

/** Who is told without a route. */
export interface DirectSettings {
  /** Each incident is mailed by itself. */
  mail?: MailSettings
  /** Each incident is told as a passive check. */
  nagios?: NagiosSettings
}

export interface HeartbeatSettings {
  url: string
  authorization?: string
  everyMs: number
}

/** Ways on which each incident is told by itself. Throws Trouble where the settings cannot be used. */
export function openDirect(
  { mail, nagios, ...options }: DirectSettings & MailOptions,
  states: () => readonly OwnedState[],
): Channel[] {
  const firing = () =>
    states().flatMap(({ alert }) => {
      const { labels, unknownSince } = alert
      if (alert.state !== 'firing') return []
      return [{ incident: incidentOf(alert), labels, unknown: unknownSince !== undefined }]
    })
  return [
    ...(mail ? [openMailChannel(mail, options)] : []),
    ...(nagios ? [openNagiosChannel(nagios, { clock: options.clock, firing })] : []),
  ]
}

/** The address in the settings is allowed by standing there. */
const hostsOf = (url: string) => [URL.parse(url)?.host ?? '']

export function openAlertmanager(
  settings: AlertmanagerSettings,
  { clock }: { clock: Clock },
): Channel {
  const hosts = hostsOf(settings.url)
  return openHttpChannel({ type: 'alertmanager', ...settings }, { clock, hosts })
}

export function openHeartbeatChannel(
  { url, authorization }: HeartbeatSettings,
  { clock }: { clock: Clock },
): Channel {
  const login = authorization === undefined ? {} : { authorization }
  const settings = { type: 'webhook' as const, url, ...login }
  return openHttpChannel(settings, { clock, hosts: hostsOf(url), name: 'heartbeat' })
}

/** Everything that could be wrong with the ways is told here, when the program starts: opens all, and closes them. */
export function checkWays(
  options: DirectSettings &
    MailOptions & {
      stages: StagesConfig
      hosts: readonly string[]
      alertmanagers?: readonly AlertmanagerSettings[]
      heartbeat?: HeartbeatSettings
    },
): void {
  const { stages, alertmanagers = [], heartbeat } = options
  const channels = [
    ...openDirect(options, () => []),
    ...alertmanagers.map((one) => openAlertmanager(one, options)),
    ...(heartbeat ? [openHeartbeatChannel(heartbeat, options)] : []),
    ...[...stages.receivers].flatMap(([name, integrations]) =>
      integrations.map((integration) => openIntegration(integration, { ...options, name })),
    ),
  ]
  for (const channel of channels) channel.close()
}

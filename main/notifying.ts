import type { AlertingOptions } from '../alerting/index.ts'
import { parseCron } from '../alerting/rules/cron.ts'
import type { MailSettings, Settings } from '../config/settings.ts'
import { withoutUndefined } from '../pipeline/without-undefined.ts'

type Notifying = Pick<AlertingOptions, 'hosts' | 'nagios' | 'alertmanagers' | 'heartbeat' | 'drill'>

/** The part of the settings that says who is told, as alerting takes it; secrets are revealed here. */
export function notifyingOf({ notifications }: Pick<Settings, 'notifications'>): Notifying {
  const { hosts, nagios, alertmanagers, heartbeat, drill } = notifications
  return {
    hosts,
    ...(nagios ? { nagios: nagiosSettings(nagios) } : {}),
    alertmanagers: alertmanagers.map(remote),
    ...(heartbeat ? { heartbeat: { ...remote(heartbeat), everyMs: heartbeat.every } } : {}),
    ...(drill === undefined ? {} : { drill: parseCron(drill) }),
  }
}

type Remote = Settings['notifications']['alertmanagers'][number]

function remote({ url, authorization }: Remote): { url: string; authorization?: string } {
  return { url, ...(authorization ? { authorization: authorization.reveal() } : {}) }
}

type NagiosGiven = NonNullable<Settings['notifications']['nagios']>
type NagiosSettings = NonNullable<AlertingOptions['nagios']>

function nagiosSettings({ to, host, service }: NagiosGiven): NagiosSettings {
  return { to: to.map(nagiosTarget), host, service }
}

function nagiosTarget(target: NagiosGiven['to'][number]): NagiosSettings['to'][number] {
  const { host, port, encryption, password, command_file: path } = target
  if (path !== undefined) return { kind: 'command-file', path }
  const method = Number(encryption) as 0 | 1 | 2 | 3 | 14
  const secret = withoutUndefined({ password: password?.reveal() })
  return { kind: 'nsca', host: host ?? '', port, encryption: method, ...secret }
}

/** Names of the ways that no receiver has. */
export function directNames({ mail, notifications }: Settings): string[] {
  return [...(mail ? ['mail'] : []), ...(notifications.nagios ? ['nagios'] : [])]
}

export function mailSettings({
  host,
  port,
  secure,
  user,
  password,
  from,
  to,
  domain,
}: MailSettings) {
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

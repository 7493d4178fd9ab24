import { z } from 'zod'
import { checkedText, duration, flag, oneOf, secret, text, url, wholeNumber } from './kinds.ts'

const second = 1000

const address = () =>
  checkedText('mail address', 'a mail address like oncall@example.org', (value) =>
    /^[^\s@<>,;"]+@[^\s@<>,;"]+$/.test(value),
  )

export const mail = z.strictObject({
  host: text('a host name or address').describe('Mail server (SMTP).'),
  port: wholeNumber(1, 65_535).prefault(25).describe('Its port.'),
  secure: flag().prefault(false).describe('TLS from the start; else STARTTLS where offered.'),
  user: text().optional().describe('User to log in as.'),
  password: secret().optional().describe('Password of that user.'),
  from: address().prefault('mesoscope@localhost').describe('Sender.'),
  to: z.array(address()).min(1).prefault(['oncall@localhost']).describe('Receivers.'),
  domain: text('a domain name')
    .optional()
    .describe('Right half of message ids; absent: that of the sender.'),
})

/** Five fields; what is in them the program that uses them knows. */
const isCron = (value: string) => /^(?:[\d*,/-]+\s+){4}[\d*,/-]+$/.test(value.trim())

const nagiosTarget = z.strictObject({
  host: text('a host name or address')
    .optional()
    .describe('Of a daemon `nsca`; this or `command_file`.'),
  port: wholeNumber(1, 65_535).prefault(5667).describe('Its port.'),
  encryption: oneOf(['0', '1', '2', '3', '14'])
    .prefault('1')
    .describe(
      'As `decryption_method` in `nsca.cfg`: none, XOR, DES, 3DES, AES-256 (others are not offered).',
    ),
  password: secret().optional().describe('Password in `nsca.cfg`.'),
  command_file: text('a file')
    .optional()
    .describe('External command file of a Nagios or Icinga on this machine.'),
})

const nagios = z.strictObject({
  to: z.array(nagiosTarget).min(1).describe('Each is told.'),
  host: text('a Liquid text')
    .prefault('mesoscope')
    .describe('The `host_name` there; Liquid over the labels of the alert.'),
  service: text('a Liquid text')
    .prefault('{{ alertname }} {{ service }}')
    .describe('The `service_description` there; Liquid as well.'),
})

const remote = {
  url: url().describe('Its address.'),
  authorization: secret().optional().describe('Value of the header of that name.'),
}

export const notifications = z.strictObject({
  config: text('a file')
    .optional()
    .describe(
      "Alertmanager's own configuration file (`route`, `receivers`, `inhibit_rules`, `time_intervals`), relative to the working directory: who is told of what, and when. Absent: each incident is mailed by itself (`mail`).",
    ),
  hosts: z
    .array(text('a host'))
    .prefault([])
    .describe(
      'Hosts that receivers over HTTP may lead to: `hooks.slack.com`, `alerts.internal:8443`.',
    ),
  hold: flag()
    .prefault(true)
    .describe(
      'Alerts of a service are held while a deployment replaces its tasks (for a quarter of an hour at most), and those of tasks whose agent was lost for ten minutes; what goes on then is told. An alert with the label `during_deployment: tell` is never held by a deployment.',
    ),
  nagios: nagios
    .optional()
    .describe('Each incident is also told to Nagios or Icinga, as a passive check.'),
  alertmanagers: z
    .array(z.strictObject(remote))
    .prefault([])
    .describe('Alertmanagers that are also given the alerts, as Prometheus does.'),
  heartbeat: z
    .strictObject({
      ...remote,
      every: duration(second).prefault('1m').describe('How often.'),
    })
    .optional()
    .describe(
      'Who is told (`POST`) while rules are evaluated and people could be told, so that somebody else raises the alarm when it stops.',
    ),
  drill: checkedText('schedule', 'five fields of cron like 0 9 * * 1', (value) => isCron(value))
    .optional()
    .describe(
      'When all receivers are tested (cron, UTC: `0 9 * * 1`); the failure of one is told on the others.',
    ),
})

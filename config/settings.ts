import { z } from 'zod'
import { duration, flag, oneOf, secret, text, url, wholeNumber } from './kinds.ts'
import { libraryNames } from './library.ts'
import { collectors } from './settings-collectors.ts'
import { mail, notifications } from './settings-notifications.ts'
import { alert, evaluation, signal } from './settings-rules.ts'
import { scalingPolicy } from './settings-scaling.ts'
import { bus, spool, store } from './settings-storage.ts'

/*
 * Every setting, declared once: kind, default (as it would be written), check, sentence. `config/REFERENCE.md` is
 * generated from here (`npm run docs`). Checks that concern several settings stand in `across.ts`.
 */

const listen = z.strictObject({
  host: text('a host name or address')
    .prefault('127.0.0.1')
    .describe('Address to listen on; other than this machine itself only with `token`.'),
  port: wholeNumber(0, 65_535)
    .prefault(7080)
    .describe('Port of the page, the HTTP API, `/metrics` and `/healthz`; 0 takes a free one.'),
  token: secret()
    .optional()
    .describe('Who asks has to send it (`Authorization: Bearer …`) or log in with it.'),
  public_url: url()
    .optional()
    .describe(
      'Address under which people reach the page, for links in mails; absent: as listened on.',
    ),
})

const autoscaling = z.strictObject({
  interval: duration(100).prefault('5s').describe('How often policies are evaluated.'),
  dry_run: flag().prefault(false).describe('Only tell what would be done, for all services.'),
  labels: flag()
    .prefault(true)
    .describe('Also scale apps that ask for it by their labels (`autoscale.enabled: true` …).'),
  services: z.array(scalingPolicy).prefault([]).describe('Policies.'),
})

/** The whole file. The empty file is valid and means: collect nothing, listen on this machine. */
export const settingsSchema = z.strictObject({
  data: text('a directory')
    .prefault('.mesoscope')
    .describe('Directory of all state, relative to the working directory.'),
  cluster: text().prefault('local').describe('Name of this cluster, on every event.'),
  log_level: oneOf(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
    .prefault('info')
    .describe("How much Mesoscope's own log says."),
  listen: listen.prefault({}).describe('The page and the HTTP API.'),
  collectors: collectors.prefault({}).describe('What is collected.'),
  spool: spool.prefault({}).describe('Between collectors and bus.'),
  bus: bus.prefault({}).describe('Between collectors and processors.'),
  store: store.prefault({}).describe('What can be searched.'),
  signals: z
    .record(z.string().regex(/^[a-z][a-z0-9_]*$/), signal)
    .prefault({})
    .describe(
      'Series measured from lines, samples and changes, by name (small letters, digits, `_`).',
    ),
  builtin_signals: flag()
    .prefault(true)
    .describe('Also measure the signals of the list below whose names are not taken.'),
  evaluation: evaluation.prefault({}).describe('When rules are evaluated.'),
  rule_library: z
    .array(oneOf(libraryNames))
    .prefault([])
    .describe(
      'Also use the rules and signals of these parts of the library (listed below); those whose names are taken in this file are left out.',
    ),
  alerts: z.array(alert).prefault([]).describe('Rules.'),
  autoscaling: autoscaling
    .prefault({})
    .describe('Instances of Marathon apps follow their load; needs `collectors.marathon`.'),
  mail: mail.optional().describe('Where alerts are mailed; absent: they are shown, not mailed.'),
  notifications: notifications.prefault({}).describe('Who is told of alerts, and when.'),
})

/** Keys as in the file; durations are ms, sizes are bytes, secrets are wrapped (`secret.ts`). */
export type Settings = z.output<typeof settingsSchema>
export type SignalSettings = Settings['signals'][string]
export type AlertSettings = Settings['alerts'][number]
export type ScalingPolicySettings = Settings['autoscaling']['services'][number]
export type MailSettings = NonNullable<Settings['mail']>
export type DockerSettings = Settings['collectors']['docker'][number]

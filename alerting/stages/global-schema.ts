/** What `global` of Alertmanager's configuration holds: what receivers have that do not say it themselves. */
import { z } from 'zod'
import { httpConfig, tlsConfig } from './http-config.ts'
import { duration, file, flag, notBoth, secret, secretUrl, text, url } from './option-kinds.ts'

/** Of receivers that are not built here: without effect, as such receivers are refused. */
export const foreignGlobals = [
  'jira_api_url',
  'wechat_api_url',
  'wechat_api_secret',
  'wechat_api_secret_file',
  'wechat_api_corp_id',
  'victorops_api_url',
  'victorops_api_key',
  'victorops_api_key_file',
  'telegram_api_url',
  'telegram_bot_token',
  'telegram_bot_token_file',
  'webex_api_url',
  'rocketchat_api_url',
  'rocketchat_token',
  'rocketchat_token_file',
  'rocketchat_token_id',
  'rocketchat_token_id_file',
  'mattermost_webhook_url',
  'mattermost_webhook_url_file',
] as const

const foreign = z.unknown().optional()

export const globalSchema = z
  .strictObject({
    resolve_timeout: duration.default(300_000),
    http_config: httpConfig.optional(),
    smtp_from: text(),
    smtp_hello: text(),
    smtp_smarthost: text(),
    smtp_auth_username: text(),
    smtp_auth_password: secret,
    smtp_auth_password_file: file,
    smtp_auth_secret: secret,
    smtp_auth_secret_file: file,
    smtp_auth_identity: text(),
    smtp_require_tls: flag(true),
    smtp_tls_config: tlsConfig.optional(),
    smtp_force_implicit_tls: flag(undefined),
    slack_api_url: secretUrl,
    slack_api_url_file: file,
    slack_app_token: secret,
    slack_app_token_file: file,
    slack_app_url: url,
    pagerduty_url: url,
    opsgenie_api_url: url,
    opsgenie_api_key: secret,
    opsgenie_api_key_file: file,
    ...(Object.fromEntries(foreignGlobals.map((name) => [name, foreign])) as Record<
      (typeof foreignGlobals)[number],
      typeof foreign
    >),
  })
  .superRefine(
    notBoth(
      'smtp_auth_password',
      'smtp_auth_secret',
      'slack_api_url',
      'slack_app_token',
      'opsgenie_api_key',
    ),
  )

export type ParsedGlobal = z.output<typeof globalSchema>

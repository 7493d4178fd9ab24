/** The receivers as the parts that send need them: each option filled in from `global`, secrets from value or file. */
import type { ParsedGlobal } from './global-schema.ts'
import { eitherSecret } from './option-kinds.ts'
import type {
  ParsedOpsgenie,
  ParsedPagerduty,
  ParsedReceiver,
  ParsedSlack,
  ParsedWebhook,
} from './receiver-schema.ts'
import { email, type TellFault } from './receiver-email.ts'
import { secretOf, type Secret } from '../../pipeline/secret.ts'

type Fill<Options> = (
  options: Options,
  global: ParsedGlobal,
  fault: TellFault,
) => object | undefined

type Filled<F extends Fill<never>> = NonNullable<ReturnType<F>>
export type WebhookOptions = Filled<typeof webhook>
export type EmailOptions = Filled<typeof email>
export type PagerdutyOptions = Filled<typeof pagerduty>
export type SlackOptions = Filled<typeof slack>
export type OpsgenieOptions = Filled<typeof opsgenie>

interface OptionsOf {
  webhook: WebhookOptions
  email: EmailOptions
  pagerduty: PagerdutyOptions
  slack: SlackOptions
  opsgenie: OpsgenieOptions
}

/** One way in which a receiver is told: `webhook_configs[0]`. */
export type Integration = {
  [Type in keyof OptionsOf]: {
    type: Type
    /** Its place among those of its type. */
    index: number
    sendResolved: boolean
    options: OptionsOf[Type]
  }
}[keyof OptionsOf]

export interface ReceiverFault {
  path: (string | number)[]
  sentence: string
}

/** The integrations of a receiver, in Alertmanager's order; what is missing is added to `faults`. */
export function integrationsOf(
  receiver: ParsedReceiver,
  global: ParsedGlobal,
  faults: ReceiverFault[],
): Integration[] {
  function each<Type extends string, Options extends { send_resolved: boolean }, Result>(
    type: Type,
    list: readonly Options[] | null | undefined,
    fill: (options: Options, global: ParsedGlobal, fault: TellFault) => Result | undefined,
  ) {
    return (list ?? []).flatMap((given, index) => {
      const options = fill(given, global, (option, sentence) => {
        faults.push({ path: [`${type}_configs`, index, option], sentence })
        return undefined
      })
      return options ? [{ type, index, sendResolved: given.send_resolved, options }] : []
    })
  }
  return [
    ...each('webhook', receiver.webhook_configs, webhook),
    ...each('email', receiver.email_configs, email),
    ...each('pagerduty', receiver.pagerduty_configs, pagerduty),
    ...each('opsgenie', receiver.opsgenie_configs, opsgenie),
    ...each('slack', receiver.slack_configs, slack),
  ]
}

function webhook(
  { url, url_file, http_config, max_alerts, timeout }: ParsedWebhook,
  global: ParsedGlobal,
  fault: TellFault,
) {
  const address = eitherSecret(url, url_file)
  if (!address) return fault('url', 'url or url_file must be given')
  return { url: address, http: http_config ?? global.http_config, max_alerts, timeout }
}

function pagerduty(
  { routing_key, routing_key_file, http_config, ...own }: ParsedPagerduty,
  global: ParsedGlobal,
  fault: TellFault,
) {
  const key = eitherSecret(routing_key, routing_key_file)
  if (!key) return fault('routing_key', 'routing_key or routing_key_file must be given')
  return {
    ...own,
    routing_key: key,
    http: http_config ?? global.http_config,
    url: own.url ?? global.pagerduty_url ?? 'https://events.pagerduty.com/v2/enqueue',
  }
}

function slack(options: ParsedSlack, global: ParsedGlobal, fault: TellFault) {
  const { api_url, api_url_file, app_token, app_token_file, app_url, http_config, ...own } = options
  const http = http_config ?? global.http_config
  const hook = eitherSecret(api_url, api_url_file)
  const token = eitherSecret(app_token, app_token_file)
  if (hook && token) return fault('app_token', 'api_url and app_token exclude each other')
  if (hook) return { ...own, url: hook, token: undefined, http }
  const mayInherit = http_config?.authorization === undefined
  const ownOrGlobal = token ?? (mayInherit ? globalToken(global) : undefined)
  if (ownOrGlobal && http?.authorization) {
    return fault('app_token', 'app_token and the authorization of http_config exclude each other')
  }
  const appUrl = app_url ?? global.slack_app_url ?? 'https://slack.com/api/chat.postMessage'
  if (ownOrGlobal) return { ...own, url: secretOf(appUrl), token: ownOrGlobal, http }
  const inherited = eitherSecret(global.slack_api_url, global.slack_api_url_file)
  if (!inherited) return fault('api_url', 'neither api_url nor app_token, here or in global')
  return { ...own, url: inherited, token: undefined, http }
}

function globalToken({ slack_app_token, slack_app_token_file }: ParsedGlobal): Secret | undefined {
  return eitherSecret(slack_app_token, slack_app_token_file)
}

function opsgenie(
  { api_key, api_key_file, api_url, http_config, ...own }: ParsedOpsgenie,
  global: ParsedGlobal,
  fault: TellFault,
) {
  const key =
    eitherSecret(api_key, api_key_file) ??
    eitherSecret(global.opsgenie_api_key, global.opsgenie_api_key_file)
  if (!key) return fault('api_key', 'neither here nor in global.opsgenie_api_key')
  if (http_config?.basic ?? http_config?.authorization) {
    return fault('http_config', 'a login has no effect: Opsgenie knows by api_key who tells it')
  }
  const url = api_url ?? global.opsgenie_api_url ?? 'https://api.opsgenie.com/'
  return {
    ...own,
    api_key: key,
    http: http_config ?? global.http_config,
    api_url: url.endsWith('/') ? url : `${url}/`,
  }
}

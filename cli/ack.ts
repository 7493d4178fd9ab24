import type { Api } from './api.ts'
import { silenceLength } from './arguments.ts'
import { harmless, harmlessJson } from './harmless.ts'
import { exactMatchers, textOf } from './matchers.ts'
import { meantService } from './meant-service.ts'
import { formatMoment } from './moment.ts'
import {
  addOwnerOptions,
  ownerOf,
  setSilence,
  toldAlerts,
  withApi,
  type AlertAnswer,
  type OwnerOptions,
} from './notifying.ts'
import type { AddCommand, CommandContext } from './parts.ts'
import { failure, misuse, nothing } from './report.ts'

interface AckOptions extends OwnerOptions {
  service?: string
  for: number
  comment?: string
  dryRun?: boolean
}

const usualMs = 4 * 3_600_000
/** Whoever acknowledges more at once looks at none of them. */
const mostAtOnce = 50

const words = `
Each alert that fires is silenced by exactly its labels, so that another one is told of. A silence does not end with its
alert: one that comes back before --for is over is still muted, and its end is not told. mesoscope silence expire ends it.`

export const addAck: AddCommand = (program, context) => {
  const command = program
    .command('ack <alert-or-service>')
    .description('"I am on it": silences what fires of an alert or a service, in your name')
    .option('--service <name>', 'of the alert only what fires on this service')
    .option('--for <length>', 'for how long (default: 4h)', silenceLength, usualMs)
    .option('--comment <text>', 'what more there is to say')
    .option('--dry-run', 'only tell which alerts these are')
    .addHelpText('after', words)
  addOwnerOptions(command).action((name: string, options: AckOptions) =>
    acknowledge(name, options, context),
  )
}

async function acknowledge(name: string, options: AckOptions, context: CommandContext) {
  const { io } = context
  const { utc = false, json, dryRun } = options
  const by = ownerOf(options, context)
  const more = options.comment?.trim() ? `: ${options.comment}` : ''
  const comment = `acknowledged by ${by}${more}`
  await withApi(options, context, async (api) => {
    const alerts = await chosenAlerts(name, options, api)
    const from = io.clock.now()
    const to = from + options.for
    const acknowledged: { id?: string; labels: AlertAnswer['labels'] }[] = []
    for (const { labels } of alerts) {
      const matchers = exactMatchers(labels)
      const id = dryRun ? undefined : await setSilence(api, { matchers, from, to, by, comment })
      acknowledged.push({ ...(id === undefined ? {} : { id }), labels })
      if (!json) io.out(`${id === undefined ? '' : `${id}  `}${harmless(textOf(matchers))}\n`)
    }
    if (json) return io.out(`${harmlessJson({ dry: dryRun ?? false, acknowledged })}\n`)
    const what = alerts.length === 1 ? 'one alert' : `${alerts.length} alerts`
    return io.err(
      dryRun
        ? `mesoscope: ${what} would be acknowledged until ${formatMoment(to, utc)}\n`
        : `mesoscope: ${what} acknowledged until ${formatMoment(to, utc)}\n`,
    )
  })
}

/** Those that fire and are not silenced yet. Throws Trouble where there are none, or too many. */
async function chosenAlerts(name: string, { service }: AckOptions, api: Api) {
  const all = await toldAlerts(api)
  if (!all) throw failure(1, 'the Mesoscope there does not notify anybody')
  const named = byName(name, all)
  const meant = service === undefined ? named : onService(service, named)
  const shown = name.slice(0, 60)
  if (meant.length === 0) {
    const where = service === undefined ? '' : ` on "${service.slice(0, 60)}"`
    throw nothing(`no alert "${shown}"${where} fires`, 'mesoscope alerts shows what does')
  }
  const open = meant.filter(({ status }) => status.silencedBy.length === 0)
  if (open.length === 0) {
    throw nothing(`all of "${shown}" is silenced already`, 'mesoscope silence list tells by whom')
  }
  if (open.length <= mostAtOnce) return open
  const remedy = 'name a --service, or use mesoscope silence add'
  throw misuse(`"${shown}" means ${open.length} alerts, more than ${mostAtOnce} at once`, remedy)
}

/** An alert's name counts before a service's. */
function byName(name: string, alerts: readonly AlertAnswer[]): AlertAnswer[] {
  const named = alerts.filter(({ labels }) => labels['alertname'] === name)
  return named.length > 0 ? named : onService(name, alerts)
}

function onService(name: string, alerts: readonly AlertAnswer[]): AlertAnswer[] {
  const serviceOf = ({ labels }: AlertAnswer) => labels['service']
  const service = meantService(name, alerts.map(serviceOf))
  return alerts.filter((alert) => service !== undefined && serviceOf(alert) === service)
}

import type { AlertView } from '../dashboards/api.ts'
import { addDataOptions, withSource, type DataOptions } from './data-option.ts'
import { harmlessJson } from './harmless.ts'
import { meantService } from './meant-service.ts'
import { formatMoment } from './moment.ts'
import { readStanding, type Notified } from './notified.ts'
import type { AddCommand } from './parts.ts'
import { table } from './table.ts'

interface AlertsOptions extends DataOptions {
  service?: string
  silenced?: boolean
  json?: boolean
  utc?: boolean
}

/** `notification` is absent where nobody is told of it, as of a pending one, or nobody knows. */
type ShownAlert = AlertView & { notification?: Notified }

export const addAlerts: AddCommand = (program, context) => {
  const { io } = context
  const command = program
    .command('alerts')
    .description('the alerts that are open, and those that ended lately; who is told of them')
    .option('--service <name>', 'those of this service alone')
    .option('--silenced', 'those alone of which nobody is told: silenced or inhibited')
    .option('--json', 'as JSON')
    .option('--utc', 'times in UTC')
  addDataOptions(command).action(async (options: AlertsOptions) => {
    const { json, utc = false } = options
    const { all, isNotifying } = await withSource(options, context, async (source) => {
      const own = await source.alerts()
      const standing = source.api && (await readStanding(source.api))
      if (!standing) return { all: own, isNotifying: false }
      return { all: [...own.map(standing.about), ...standing.others(own)], isNotifying: true }
    })
    const alerts = chosen(all, options)
    if (json) return io.out(`${harmlessJson({ alerts })}\n`)
    if (alerts.length === 0) return io.err('mesoscope: no alerts\n')
    const told = isNotifying ? ['TOLD'] : []
    const headings = [
      'STATE',
      'ALERT',
      'SERVICE',
      'SINCE',
      'VALUE',
      'THRESHOLD',
      ...told,
      'SUMMARY',
    ]
    const rows = alerts.map((alert) => row(alert, utc, isNotifying))
    io.out(table(headings, rows))
  })
}

function chosen(alerts: readonly ShownAlert[], options: AlertsOptions): ShownAlert[] {
  const meant = meantBy(options, alerts)
  return alerts.filter(
    ({ service, notification }) =>
      (options.service === undefined || (meant !== undefined && service === meant)) &&
      (!options.silenced || notification?.state === 'suppressed'),
  )
}

function meantBy({ service: name }: AlertsOptions, alerts: readonly ShownAlert[]) {
  const known = alerts.map(({ service }) => service)
  return name === undefined ? undefined : meantService(name, known)
}

function row(alert: ShownAlert, utc: boolean, isNotifying: boolean): (string | number)[] {
  const { state, service = '-', since, value, threshold, annotations, notification } = alert
  return [
    state,
    alert.alert,
    service,
    formatMoment(since, utc),
    typeof value === 'number' ? String(Number(value.toPrecision(4))) : '-',
    threshold,
    ...(isNotifying ? [notification ? words(notification, utc) : '-'] : []),
    annotations?.['summary'] ?? '',
  ]
}

/** `oncall, wall`; `silenced by ana until 18:30: deploy`; `inhibited by DbDown /db`. */
function words({ receivers, silencedBy, inhibitedBy }: Notified, utc: boolean): string {
  const [silence] = silencedBy
  if (silence) {
    const until = formatMoment(Date.parse(silence.endsAt), utc)
    return `silenced by ${silence.by} until ${until}: ${silence.comment}`
  }
  const [source] = inhibitedBy
  if (source) return `inhibited by ${[source.alertname, source.service].join(' ').trim()}`
  return receivers.join(', ')
}

import type { AlertView } from '../dashboards/api.ts'
import { addDataOptions, withSource, type DataOptions } from './data-option.ts'
import { harmlessJson } from './harmless.ts'
import { formatMoment } from './moment.ts'
import type { AddCommand } from './parts.ts'
import { table } from './table.ts'

interface AlertsOptions extends DataOptions {
  json?: boolean
  utc?: boolean
}

export const addAlerts: AddCommand = (program, context) => {
  const { io } = context
  const command = program
    .command('alerts')
    .description('the alerts that are open, and those that ended lately')
    .option('--json', 'as JSON')
    .option('--utc', 'times in UTC')
  addDataOptions(command).action(async (options: AlertsOptions) => {
    const alerts = await withSource(options, context, (source) => source.alerts())
    if (options.json) return io.out(`${harmlessJson({ alerts })}\n`)
    if (alerts.length === 0) return io.err('mesoscope: no alerts\n')
    const rows = alerts.map((alert) => row(alert, options.utc ?? false))
    io.out(table(['STATE', 'ALERT', 'SERVICE', 'SINCE', 'VALUE', 'THRESHOLD', 'SUMMARY'], rows))
  })
}

function row(alert: AlertView, utc: boolean): (string | number)[] {
  const { state, service = '-', since, value, threshold, annotations } = alert
  return [
    state,
    alert.alert,
    service,
    formatMoment(since, utc),
    typeof value === 'number' ? String(Number(value.toPrecision(4))) : '-',
    threshold,
    annotations?.['summary'] ?? '',
  ]
}

import type { Answers } from '../dashboards/api.ts'
import { formatMoment } from './moment.ts'
import { table } from './table.ts'

const maxRows = 20

/** What a silence mutes, in a sentence and a table; `verb` is `mutes`, `would mute`. */
export function mutedTable(
  { count, alerts }: Answers['/api/silences/preview'],
  verb: string,
  utc: boolean,
): string {
  if (count === 0) return `it ${verb} no alert that there is now\n`
  const rows = alerts.slice(0, maxRows).map(({ labels, startsAt, status }) => {
    const { alertname = '-', service = '-', ...others } = labels
    const more = Object.entries(others).map(([name, value]) => `${name}=${value}`)
    const already = status.silencedBy.length > 0 ? 'silenced already' : ''
    const since = formatMoment(Date.parse(startsAt), utc)
    return [alertname, service, since, more.join(' '), already]
  })
  const rest = count > rows.length ? `and ${count - rows.length} more\n` : ''
  const title = `it ${verb} ${count} ${count === 1 ? 'alert' : 'alerts'} now:\n`
  return title + table(['ALERT', 'SERVICE', 'SINCE', 'OTHER LABELS', ''], rows) + rest
}

import type { Decision } from '../pipeline/decision.ts'
import { formatMoment } from './moment.ts'
import { table } from './table.ts'

/** Decisions on scaling, a line each. */
export function decisionTable(decisions: readonly Decision[], utc: boolean): string {
  const rows = decisions.map(({ ts, outcome, from, to, reason, message }) => [
    formatMoment(ts, utc),
    outcome,
    from === to ? `${to}` : `${from} → ${to}`,
    reason,
    message,
  ])
  return table(['TIME', 'OUTCOME', 'INSTANCES', 'REASON', 'DECISION'], rows)
}

import { identityFields, type Identity } from '../../pipeline/identity.ts'
import { readEnd, type EndFacts } from '../../pipeline/post-mortem/facts.ts'
import {
  deploymentWords,
  exitWords,
  memoryWords,
  nthWords,
} from '../../pipeline/post-mortem/words.ts'
import { spokenSeconds } from '../../pipeline/spoken.ts'
import type { StoredDoc } from '../../pipeline/store/store.ts'
import { cleanLine, safeLink } from '../clean.ts'
import type { Around } from '../evidence/of-changes.ts'
import { distinct } from '../evidence/search.ts'
import type { Evidence, ServiceFacts } from '../evidence.ts'
import type { Notification } from '../records.ts'
import { fourDigits, spokenDuration } from '../rules/humanize.ts'
import {
  explainValue,
  isAboutAbsence,
  limitWords,
  listSignals,
  topicOf,
  valueWithUnit,
} from '../words.ts'
import { sinceText, utc, type Row } from './content.ts'

type Put = (name: string, text: string | undefined, link?: string) => void

const [shownInstances, shownVersions] = [5, 3]

/** The facts of an alert, one a row. */
export function rowsOf(notification: Notification, evidence: Evidence): Row[] {
  const { alert } = notification
  const rows: Row[] = []
  const row: Put = (name, text, link) => {
    if (text === undefined || text === '') return
    rows.push({ name, text: cleanLine(text, 500), ...(link === undefined ? {} : { link }) })
  }
  for (const [name, value] of Object.entries(alert.group)) {
    if (typeof value === 'string') row(capital(name), value)
  }
  putCondition(row, notification)
  const changes = (notification.state === 'firing' && evidence.changes) || []
  if (changes.length > 0) putNewest(row, changes, { group: alert.group, around: evidence.around })
  const isOne = changes.length > 0 && evidence.tasks.length <= 1
  const isListed = isOne || topicOf(notification.facts) === 'metrics'
  row('Instances', isListed ? undefined : instances(evidence))
  row('Marathon', standing(evidence.service))
  if (changes.length === 0) putVersion(row, alert.group, evidence)
  row('Severity', alert.labels['severity'])
  row('Owner', alert.annotations['owner'] ?? alert.labels['owner'] ?? evidence.owner)
  const runbook = alert.annotations['runbook'] ?? alert.labels['runbook'] ?? evidence.runbook
  row('Runbook', runbook, runbook === undefined ? undefined : safeLink(runbook))
  return rows
}

const flapWords = (percent: number) =>
  `yes: ${fourDigits(percent)} % of its last 21 states were changes`

function putCondition(row: Put, notification: Notification): void {
  const { alert, facts, ts, state, reason } = notification
  row('Condition', facts.when)
  if (state === 'firing') {
    const limit = limitWords(facts)
    row('Value', explainValue(facts, alert, ts) + (limit === undefined ? '' : ` ${limit}`))
    if (facts.signals.length > 1) row('Signals', listSignals(facts, alert))
    row('Since', sinceText(alert.activeAt, ts))
    if (alert.flap?.isFlapping) row('Flapping', flapWords(alert.flap.percent))
    return
  }
  const lasted = spokenDuration((alert.resolvedAt ?? ts) - alert.activeAt)
  row('Lasted', `${lasted}, ${utc(alert.activeAt)} to ${utc(ts)}`)
  if (!isAboutAbsence(facts)) row('Peak', valueWithUnit(facts, alert.peak))
  row('Ended because', reason)
}

const parts: [part: keyof Identity, name: string][] = [
  ['service', 'Service'],
  ['task', 'Task'],
  ['agent', 'Agent'],
  ['version', 'Version'],
  ['image', 'Image'],
  ['deployment', 'Deployment'],
]

/** Who it was, and of the end of a task its post-mortem. What the group names is there already. */
function putNewest(
  row: Put,
  [change, ...older]: readonly StoredDoc[],
  { group, around = {} }: { group: Identity; around: Evidence['around'] },
): void {
  if (!change) return
  for (const [part, name] of parts) {
    const called = part === 'task' && older.length > 0 ? 'Newest task' : name
    if (group[part] === undefined) row(called, text(change[identityFields[part]]))
  }
  const end = readEnd(change)
  if (end) putEnd(row, end, around)
}

function putEnd(row: Put, end: EndFacts, { nth, deployment }: Around): void {
  const { uptimeSeconds, state, reason, says } = end
  row('Exit code', exitWords(end))
  row('Out of memory', end.outOfMemory ? 'yes' : 'no')
  row('Memory', memoryWords(end))
  row('Uptime', uptimeSeconds === undefined ? undefined : spokenSeconds(uptimeSeconds))
  row('Failed checks', end.unhealthy)
  row('Mesos says', [state, reason, says].filter((part) => part !== undefined).join(', '))
  row('Death', nthWords(nth))
  row('Last deployment', deployment && deploymentWords(deployment))
}

/** Of the lines that were found; a death tells its own. */
function putVersion(row: Put, group: Identity, evidence: Evidence): void {
  row('Version', group.version === undefined ? versionsOf(evidence) : undefined)
  row('Last deployment', deploymentOf(evidence))
}

/** Of those who wrote the lines. */
export function versionsOf({ lines }: Evidence): string {
  return distinct(lines, identityFields.version).slice(0, shownVersions).join(', ')
}

export function deploymentOf({ around }: Evidence): string | undefined {
  return around?.deployment && deploymentWords(around.deployment)
}

/** `3 wanted, 2 running, 1 healthy` */
export function standing(service: ServiceFacts | undefined): string | undefined {
  if (!service) return undefined
  const { instances: wanted, running, healthy, hasChecks = true } = service
  const said = [
    wanted === undefined ? [] : `${wanted} wanted`,
    running === undefined ? [] : `${running} running`,
    healthy === undefined || !hasChecks ? [] : `${healthy} healthy`,
  ]
  return said.flat().join(', ')
}

function instances({ tasks, agents }: Evidence): string {
  if (tasks.length === 0) return ''
  const named = tasks.slice(0, shownInstances).join(', ')
  const more = tasks.length > shownInstances ? ` and ${tasks.length - shownInstances} more` : ''
  return `${named}${more}${agents.length > 0 ? ` on ${agents.slice(0, shownInstances).join(', ')}` : ''}`
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

function capital(word: string): string {
  return word.slice(0, 1).toUpperCase() + word.slice(1)
}

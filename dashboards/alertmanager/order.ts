/** The orders in which Alertmanager tells groups, and the alerts in them. */
import type { DeskAlert, DeskGroup, DeskLabels } from '../../pipeline/notification-desk.ts'

export function compareTexts(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}

type SortedLabels = readonly (readonly [name: string, value: string])[]

const sortedLabels = (labels: DeskLabels): SortedLabels =>
  Object.entries(labels).toSorted(([a], [b]) => compareTexts(a, b))

/** Fewer labels first, then by the labels, of which a missing one comes before any value. */
function byLabels(a: SortedLabels, b: SortedLabels): number {
  if (a.length !== b.length) return a.length - b.length
  for (const [i, [name, value]] of a.entries()) {
    const [otherName, otherValue] = b[i] ?? ['', '']
    // Whoever has the earlier name has a label that the other lacks.
    const order = compareTexts(otherName, name) || compareTexts(value, otherValue)
    if (order !== 0) return order
  }
  return 0
}

/** By their labels, then by receiver. */
export function sortedGroups(groups: readonly DeskGroup[]): DeskGroup[] {
  return groups
    .map((group) => ({ group, labels: sortedLabels(group.labels) }))
    .toSorted(
      (a, b) => byLabels(a.labels, b.labels) || compareTexts(a.group.receiver, b.group.receiver),
    )
    .map(({ group }) => group)
}

/** By `job`, by `instance`, those without one last; then by all labels. */
export function sortedAlerts(alerts: readonly DeskAlert[]): DeskAlert[] {
  return alerts
    .map((alert) => ({ alert, labels: sortedLabels(alert.labels) }))
    .toSorted(
      (a, b) =>
        byLabel(a.alert.labels, b.alert.labels, 'job') ||
        byLabel(a.alert.labels, b.alert.labels, 'instance') ||
        byLabels(a.labels, b.labels),
    )
    .map(({ alert }) => alert)
}

function byLabel(a: DeskLabels, b: DeskLabels, name: string): number {
  const [one, other] = [a[name], b[name]]
  if (one === undefined || other === undefined) {
    return Number(one === undefined) - Number(other === undefined)
  }
  return compareTexts(one, other)
}

import { accessFields, accessMark } from './access-line.ts'
import { identityFields } from './identity.ts'

/** What queries may call a field. */
const aliases: Record<string, string> = {
  ...identityFields,
  level: 'log.level',
  stream: 'log.iostream',
  host: 'host.name',
  id: 'event.id',
  sequence: 'event.sequence',
  kind: 'event.kind',
  action: 'event.action',
  exit: 'process.exit_code',
  oom: 'container.oom_killed',
  state: 'task.state',
  reason: 'task.reason',
}

export function fieldOf(name: string): string {
  return Object.hasOwn(aliases, name) ? (aliases[name] as string) : name
}

const identityNames: ReadonlySet<string> = new Set(
  Object.values(identityFields).filter((field) => field !== 'labels'),
)

/** Whether it is one name of the identity: the same in all lines of a record. */
export function isIdentity(field: string): boolean {
  return identityNames.has(field)
}

/** Fields that are one name: a query means all of it. */
export const exactFields: ReadonlySet<string> = new Set([
  ...identityNames,
  'log.level',
  'log.iostream',
  'event.id',
])

/** Fields of the event itself (a line, a change, a sample): their values do not stand in the message. */
const ownFields =
  /^(?:@timestamp|labels|tags|metrics|event|log|mesos|marathon|mesoscope|service|container|host|orchestrator|process|task|deployment|alert|scaling|decision)(?![^.])/

export function isOwnField(field: string): boolean {
  return ownFields.test(field)
}

/** A field by its dotted name: as one key, or down through objects, or any mixture. */
export function lookUp(value: unknown, path: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined
  const fields = value as Record<string, unknown>
  if (Object.hasOwn(fields, path)) return fields[path]
  for (let dot = path.indexOf('.'); dot > 0; dot = path.indexOf('.', dot + 1)) {
    const found = lookUp(fields[path.slice(0, dot)], path.slice(dot + 1))
    if (found !== undefined) return found
  }
  return undefined
}

/**
 * Texts of which one stands in the JSON of every document that has the field, however it is nested; undefined where
 * that cannot be told.
 */
export function marksOf(name: string, field: string): string[] | undefined {
  const beginnings = [name, field].map((path) => path.split('.')[0] ?? '')
  if (!beginnings.every((beginning) => /^[\w@-]+$/.test(beginning))) return undefined
  return [...new Set([...beginnings, ...(accessFields.has(name) ? [accessMark] : [])])]
}

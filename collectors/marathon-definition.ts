import { fromLatin1, toLatin1 } from './bytes.ts'
import { isObject } from './answer.ts'
import type { MarathonApp } from './marathon-apps.ts'
import { openRedactor } from './redact.ts'

/** What a person writes into an app; what Marathon adds to it (tasks, counts, versions) is none of it. */
const written = new Set(
  `acceptedResourceRoles args backoffFactor backoffSeconds cmd constraints container cpus dependencies disk env executor
   executorResources fetch gpus healthChecks ipAddress killSelection labels maxLaunchDelaySeconds mem networks
   portDefinitions ports readinessChecks requirePorts residency resourceLimits role secrets
   taskKillGracePeriodSeconds tty unreachableStrategy upgradeStrategy uris user`.split(/\s+/),
)

/** Beside the app, not in it: only whoever compares two of them needs all of it. */
const definitions = new WeakMap<MarathonApp, Record<string, unknown>>()

export function keepDefinition(app: MarathonApp, fields: Record<string, unknown>): void {
  const own = Object.entries(fields).filter(([name]) => written.has(name))
  definitions.set(app, Object.fromEntries(own))
}

const maxShown = 20
const maxDepth = 4
const maxFields = 2000

/**
 * What a new version changed, a field each: `mem: 128 → 256`, without secrets. Empty where nothing differs, or where one of the
 * two is not known.
 */
export function differencesOf(before: MarathonApp | undefined, after: MarathonApp): string[] {
  const old = before && definitions.get(before)
  const now = definitions.get(after)
  if (!old || !now) return []
  const [from, to] = [flat(old), flat(now)]
  const changed = [...new Set([...from.keys(), ...to.keys()])]
    .filter((path) => from.get(path) !== to.get(path))
    .toSorted()
  const shown = changed
    .slice(0, maxShown)
    .map((path) => `${cut(path)}: ${show(path, from.get(path))} → ${show(path, to.get(path))}`)
  const more = changed.length - shown.length
  return more > 0 ? [...shown, `and ${more} more`] : shown
}

/** Objects by their dotted paths, anything else as JSON. */
function flat(
  fields: Record<string, unknown>,
  path = '',
  found = new Map<string, string>(),
): Map<string, string> {
  for (const [name, value] of Object.entries(fields)) {
    if (value === null || value === undefined || found.size >= maxFields) continue
    const here = path === '' ? name : `${path}.${name}`
    const isDeep = here.split('.').length >= maxDepth
    if (isObject(value) && !isDeep) flat(value, here, found)
    else found.set(here, jsonOf(value))
  }
  return found
}

/** Integers beyond 2^53 are read exactly, as bigints; what is nested without end has no JSON. */
function jsonOf(value: unknown): string {
  try {
    return JSON.stringify(value, (_, one: unknown) => (typeof one === 'bigint' ? `${one}` : one))
  } catch {
    return '"(nested too deep)"'
  }
}

const hidden = '[redacted]'
const secretName =
  /pass|pwd|secret|token|credential|auth|private|cert|dsn|salt|cookie|session|signature|(?:^|[._-])(?:pat|pin|sas)(?:$|[._-])|key|\.parameters$/i
/** Nobody writes such a thing by hand: an id at best, a key at worst. */
const looksRandom = /^"(?=[^"]*\d)(?=[^"]*[a-z])[\w+/=.-]{20,}"$/i
const redactor = openRedactor({ enabled: true, patterns: [] })

function show(path: string, json: string | undefined): string {
  if (json === undefined) return 'none'
  const isEnv = path.startsWith('env.')
  if (secretName.test(path) || (isEnv && looksRandom.test(json))) return hidden
  return cut(fromLatin1(redactor.redact(toLatin1(json))))
}

function cut(text: string): string {
  return text.length > 200 ? `${text.slice(0, 200).toWellFormed()}…` : text
}

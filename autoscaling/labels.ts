/**
 * A policy as an app asks for it: labels `autoscale.<setting>`, or environment variables `AUTOSCALE_<SETTING>` (of
 * which Marathon's list shows nothing). Labels win where both set the same, and both over the variables of another
 * autoscaler (`seed-env.ts`).
 */
import { usualIdleAfterMs, type RatePolicies } from '../pipeline/decision.ts'
import { parseDuration } from '../pipeline/duration.ts'
import { parseQuantity } from '../pipeline/quantity.ts'
import type { ServiceState } from '../pipeline/service-state.ts'
import type { SignalDeclarations } from '../pipeline/signals.ts'
import { withoutUndefined } from '../pipeline/without-undefined.ts'
import { parseRates, parseSteps } from './policy-texts.ts'
import type { PolicyDeclaration } from './policy.ts'
import { isSeedVariable, readSeedEnv } from './seed-env.ts'
import { ofLabel, ofVariable, type Setting } from './setting.ts'
import { listed, quoted } from './words.ts'

export interface ReadLabels {
  /** Undefined where the app does not ask for it, or not rightly. */
  declaration?: PolicyDeclaration
  faults: string[]
  /** What changes nothing: unknown names, settings without `enabled`. */
  remarks: string[]
}

const selects = ['max', 'min', 'disabled'] as const

const expectations = {
  enabled: 'true or false',
  min: 'a whole number from 0 to 100000',
  max: 'a whole number from 1 to 100000',
  tolerance: 'a number above 0',
  steps: 'steps like cpu > 80% +2, cpu < 30% -1',
  'stabilization.up': 'a duration like 30s',
  'stabilization.down': 'a duration like 5m',
  'scale_up.policies': 'rates like 4/15s, 100%/15s',
  'scale_up.select': 'max, min or disabled',
  'scale_down.policies': 'rates like 1/1m, 10%/1m',
  'scale_down.select': 'max, min or disabled',
  warm_up: 'a duration like 60s',
  idle_after: 'a duration like 5m',
  dry_run: 'true or false',
  resident: 'true or false',
  override: 'a duration like 10m, or 0',
} as const
type Name = keyof typeof expectations
const names = Object.keys(expectations) as Name[]

/** Of a signal that follows: `target.requests`. */
const bySignal = {
  'target.': 'a number above 0, or a share like 60%',
  'value.': 'a number above 0, or a share like 60%',
  'activation.': 'a number, or a share like 60%',
} as const
type Prefix = keyof typeof bySignal
const prefixes = Object.keys(bySignal) as Prefix[]

export function readLabels(
  { service, labels, env }: ServiceState,
  signals: SignalDeclarations,
): ReadLabels {
  const own = [...labelSettings(labels), ...envSettings(env)]
  const seed = readSeedEnv(env, signals)
  const isOwn = own.some(({ name }) => name === 'enabled')
  const settings = isOwn ? own : [...own, ...seed.settings]
  const known = settings.filter(({ name }) => isKnown(name))
  const unknown = settings.filter(({ name }) => !isKnown(name))
  const remarks = unknown.flatMap((setting) => (nearest(setting) ? [] : [unknownRemark(setting)]))
  const first = (name: string) => known.find((setting) => setting.name === name)
  const enabled = first('enabled')
  if (enabled && readFlag(enabled.value) === false) return { faults: [], remarks: [] }
  // One that is nearly right may be the one that was to protect the service.
  const faults = unknown.flatMap((setting) => nearest(setting) ?? [])
  if (!isOwn) faults.push(...seed.faults)
  else if (enabled && seed.variables.length > 0) {
    remarks.push(`${listed(seed.variables)}: not read, since ${enabled.written} is set`)
  }
  if (!enabled) {
    const [any] = known
    if (any) remarks.push(`${any.written} is set, but autoscale.enabled is not true: not scaled`)
    return { faults: [], remarks: [...faults, ...remarks] }
  }
  const read = reader(first, faults)
  read('enabled', readFlag)
  if (!known.some(({ name }) => /^(target|value)\.|^steps$/.test(name))) {
    faults.push('label autoscale.target.<signal> is missing: give how much one instance shall have')
  }
  const numbers = (prefix: Prefix) => readNumbers(prefix, known, faults)
  const activation = numbers('activation.')
  const declaration: PolicyDeclaration = {
    service,
    targets: numbers('target.') ?? {},
    ...withoutUndefined({
      values: numbers('value.'),
      steps: read('steps', parseSteps),
      scaleUp: readRates('scale_up', read),
      scaleDown: readRates('scale_down', read),
      warmUpMs: read('warm_up', parseDuration),
      activation,
      idleAfterMs: read('idle_after', parseDuration) ?? (activation && usualIdleAfterMs),
    }),
    min: read('min', readCount) ?? 1,
    max: read('max', (text) => readCount(text) || undefined, true) ?? 0,
    tolerance: read('tolerance', readNumber) ?? 0.1,
    stabilizationUpMs: read('stabilization.up', parseDuration) ?? 0,
    stabilizationDownMs: read('stabilization.down', parseDuration) ?? 300_000,
    dryRun: read('dry_run', readFlag) ?? false,
    resident: read('resident', readFlag) ?? false,
    overrideMs: read('override', parseDuration) ?? 600_000,
    ...(isOwn || seed.notes.length === 0 ? {} : { notes: seed.notes }),
  }
  return faults.length > 0 ? { faults, remarks } : { declaration, faults, remarks }
}

type Read = <T>(
  name: Name,
  parse: (text: string) => T | undefined,
  needed?: boolean,
) => T | undefined

function reader(first: (name: string) => Setting | undefined, faults: string[]): Read {
  return (name, parse, needed = false) => {
    const setting = first(name)
    if (!setting) {
      if (needed) faults.push(`label autoscale.${name} is missing: give ${expectations[name]}`)
      return undefined
    }
    const value = parse(setting.value.trim())
    if (value === undefined) faults.push(faultOf(setting, expectations[name]))
    return value
  }
}

function readRates(name: 'scale_up' | 'scale_down', read: Read): RatePolicies | undefined {
  const policies = read(`${name}.policies`, parseRates)
  const select = read(`${name}.select`, (text) => selects.find((one) => one === text))
  return policies || select ? { select: select ?? 'max', policies: policies ?? [] } : undefined
}

/** By signal; undefined where none is named. */
function readNumbers(
  prefix: Prefix,
  settings: readonly Setting[],
  faults: string[],
): Record<string, number> | undefined {
  const found: Record<string, number> = Object.create(null) as Record<string, number>
  for (const setting of settings) {
    const signal = setting.name.slice(prefix.length)
    if (!setting.name.startsWith(prefix) || Object.hasOwn(found, signal)) continue
    const value = parseQuantity(setting.value.trim())
    const isTooSmall = value === 0 && prefix !== 'activation.'
    if (value === undefined || isTooSmall) faults.push(faultOf(setting, bySignal[prefix]))
    else found[signal] = value
  }
  return settings.some(({ name }) => name.startsWith(prefix)) ? { ...found } : undefined
}

function labelSettings(labels: Record<string, unknown>): Setting[] {
  return Object.entries(labels).flatMap(([label, given]) => {
    const match = /^autoscale[._-](.+)$/is.exec(label)
    if (!match) return []
    // Only the exact prefix is ours; the others are nearly right at best.
    const name = label.startsWith('autoscale.') ? match[1] : label
    return [{ name: name ?? label, ...ofLabel(label, given) }]
  })
}

/** In lower case; a setting's points are underscores there. */
function envSettings(env: Record<string, unknown>): Setting[] {
  return Object.entries(env).flatMap(([variable, given]) => {
    if (!variable.startsWith('autoscale') || isSeedVariable(variable)) return []
    const rest = variable.slice('autoscale_'.length)
    const named = names.find((name) => name.replace('.', '_') === rest)
    const prefix = prefixes.find((one) => rest.startsWith(one.replace('.', '_')))
    const ofSignal = prefix && prefix + rest.slice(prefix.length)
    return [{ name: named ?? ofSignal ?? variable, ...ofVariable(variable, given) }]
  })
}

function isKnown(name: string): boolean {
  const isOfSignal = prefixes.some((prefix) => name.startsWith(prefix) && name !== prefix)
  return isOfSignal || names.some((known) => known === name)
}

/** The fault of one that differs from a known one only by signs and capitals. */
function nearest({ name, written, value }: Setting): string | undefined {
  const letters = (text: string) => text.toLowerCase().replace(/^autoscale|[^a-z0-9]/g, '')
  const meant = names.find((known) => letters(known) === letters(name))
  if (!meant) return undefined
  return `${written}=${JSON.stringify(quoted(value, 60))}: write it autoscale.${meant}`
}

const unknownRemark = ({ written, value }: Setting) =>
  `${written}=${JSON.stringify(quoted(value, 60))} is not known: settings are ${[...names, ...prefixes.map((prefix) => `${prefix}<signal>`)].join(', ')}`

function faultOf({ written, value }: Setting, expected: string): string {
  return `${written}=${JSON.stringify(quoted(value, 60))}: expected ${expected}`
}

function readFlag(text: string): boolean | undefined {
  const lower = text.trim().toLowerCase()
  return lower === 'true' ? true : lower === 'false' ? false : undefined
}

function readCount(text: string): number | undefined {
  const count = /^\d{1,6}$/.test(text) ? Number(text) : Infinity
  return count <= 100_000 ? count : undefined
}

function readNumber(text: string): number | undefined {
  const value = /^\d{0,12}\.?\d{1,12}$/.test(text) ? Number(text) : 0
  return value > 0 ? value : undefined
}

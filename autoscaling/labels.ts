/**
 * A policy as an app asks for it: labels `autoscale.<setting>`, or environment variables `AUTOSCALE_<SETTING>` (of
 * which Marathon's list shows nothing). Labels win where both set the same, and both over the variables of another
 * autoscaler (`seed-env.ts`).
 */
import { parseDuration } from '../pipeline/duration.ts'
import type { ServiceState } from '../pipeline/service-state.ts'
import type { SignalDeclarations } from '../pipeline/signals.ts'
import type { PolicyDeclaration } from './policy.ts'
import { isSeedVariable, readSeedEnv } from './seed-env.ts'
import { listed, quoted } from './words.ts'

export interface ReadLabels {
  /** Undefined where the app does not ask for it, or not rightly. */
  declaration?: PolicyDeclaration
  faults: string[]
  /** What changes nothing: unknown names, settings without `enabled`. */
  remarks: string[]
}

export interface Setting {
  /** `min`, `stabilization.up`, `target.requests`. */
  name: string
  /** `label autoscale.min`, `environment variable AUTOSCALE_MIN`. */
  written: string
  value: string
}

const expectations = {
  enabled: 'true or false',
  min: 'a whole number from 1 to 100000',
  max: 'a whole number from 1 to 100000',
  tolerance: 'a number above 0',
  'stabilization.up': 'a duration like 30s',
  'stabilization.down': 'a duration like 5m',
  dry_run: 'true or false',
  resident: 'true or false',
} as const
type Name = keyof typeof expectations
const names = Object.keys(expectations) as Name[]
const target = 'target.'

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
  const declaration: PolicyDeclaration = {
    service,
    targets: readTargets(known, faults),
    min: read('min', readCount) ?? 1,
    max: read('max', readCount, true) ?? 0,
    tolerance: read('tolerance', readNumber) ?? 0.1,
    stabilizationUpMs: read('stabilization.up', parseDuration) ?? 0,
    stabilizationDownMs: read('stabilization.down', parseDuration) ?? 300_000,
    dryRun: read('dry_run', readFlag) ?? false,
    resident: read('resident', readFlag) ?? false,
    ...(isOwn || seed.notes.length === 0 ? {} : { notes: seed.notes }),
  }
  return faults.length > 0 ? { faults, remarks } : { declaration, faults, remarks }
}

function reader(first: (name: string) => Setting | undefined, faults: string[]) {
  return <T>(name: Name, parse: (text: string) => T | undefined, needed = false): T | undefined => {
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

function readTargets(settings: readonly Setting[], faults: string[]): Record<string, number> {
  const targets: Record<string, number> = Object.create(null) as Record<string, number>
  for (const setting of settings) {
    const signal = setting.name.slice(target.length)
    if (!setting.name.startsWith(target) || Object.hasOwn(targets, signal)) continue
    const value = readNumber(setting.value.trim())
    if (value === undefined) faults.push(faultOf(setting, expectations.tolerance))
    else targets[signal] = value
  }
  if (!settings.some(({ name }) => name.startsWith(target))) {
    faults.push('label autoscale.target.<signal> is missing: give how much one instance shall have')
  }
  return { ...targets }
}

function labelSettings(labels: Record<string, unknown>): Setting[] {
  return Object.entries(labels).flatMap(([label, given]) => {
    const match = /^autoscale[._-](.+)$/is.exec(label)
    if (!match) return []
    const written = `label ${quoted(label, 80)}`
    // Only the exact prefix is ours; the others are nearly right at best.
    const name = label.startsWith('autoscale.') ? match[1] : label
    return [{ name: name ?? label, written, value: textOf(given) }]
  })
}

/** In lower case; a setting's points are underscores there. */
function envSettings(env: Record<string, unknown>): Setting[] {
  return Object.entries(env).flatMap(([variable, given]) => {
    if (!variable.startsWith('autoscale') || isSeedVariable(variable)) return []
    const rest = variable.slice('autoscale_'.length)
    const written = `environment variable ${quoted(variable, 80).toUpperCase()}`
    const named = names.find((name) => name.replace('.', '_') === rest)
    const signal = /^target_(.+)$/.exec(rest)?.[1]
    const name = named ?? (signal === undefined ? variable : target + signal)
    return [{ name, written, value: textOf(given) }]
  })
}

/** What came over the bus may be of any type. */
function textOf(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
}

function isKnown(name: string): boolean {
  return names.some((known) => known === name) || (name.startsWith(target) && name !== target)
}

/** The fault of one that differs from a known one only by signs and capitals. */
function nearest({ name, written, value }: Setting): string | undefined {
  const letters = (text: string) => text.toLowerCase().replace(/^autoscale|[^a-z0-9]/g, '')
  const meant = names.find((known) => letters(known) === letters(name))
  if (!meant) return undefined
  return `${written}=${JSON.stringify(quoted(value, 60))}: write it autoscale.${meant}`
}

const unknownRemark = ({ written, value }: Setting) =>
  `${written}=${JSON.stringify(quoted(value, 60))} is not known: settings are ${[...names, 'target.<signal>'].join(', ')}`

function faultOf({ written, value }: Setting, expected: string): string {
  return `${written}=${JSON.stringify(quoted(value, 60))}: expected ${expected}`
}

function readFlag(text: string): boolean | undefined {
  const lower = text.trim().toLowerCase()
  return lower === 'true' ? true : lower === 'false' ? false : undefined
}

function readCount(text: string): number | undefined {
  const count = /^\d{1,6}$/.test(text) ? Number(text) : 0
  return count >= 1 && count <= 100_000 ? count : undefined
}

function readNumber(text: string): number | undefined {
  const value = /^\d{0,12}\.?\d{1,12}$/.test(text) ? Number(text) : 0
  return value > 0 ? value : undefined
}

/**
 * A policy as InfluxDB-Marathon-autoscaler reads it from the environment of an app: `autoscale=true`,
 * `autoscale_min_instances`, `autoscale_max_instances` and rules `autoscale_rule_<name>`, each
 * `source | metric | target | per instance | averaged over, s | rest after a change, s | that times so much to shrink`.
 * Told as settings of ours, so that a site can move without touching its apps.
 */
import type { SignalDeclaration, SignalDeclarations } from '../pipeline/signals.ts'
import { unitOfSignal } from './reading.ts'
import { ofVariable, type Setting } from './setting.ts'
import { quantity, quoted, span } from './words.ts'

export interface SeedPolicy {
  /** Each as `environment variable AUTOSCALE`. */
  variables: string[]
  settings: Setting[]
  faults: string[]
  /** What is done otherwise than there. */
  notes: string[]
}

const names: Readonly<Record<string, string>> = {
  autoscale: 'enabled',
  autoscale_min_instances: 'min',
  autoscale_max_instances: 'max',
}
const isRule = (variable: string) => variable.startsWith('autoscale_rule')

export function isSeedVariable(variable: string): boolean {
  return Object.hasOwn(names, variable) || isRule(variable)
}

/** Never throws. */
export function readSeedEnv(env: Record<string, unknown>, signals: SignalDeclarations): SeedPolicy {
  const variables = Object.entries(env).flatMap(([variable, given]) => {
    if (!isSeedVariable(variable)) return []
    return [{ variable, ...ofVariable(variable, given) }]
  })
  const settings = variables.flatMap(({ variable, ...rest }) => {
    const name = names[variable]
    return name === undefined ? [] : [{ name, ...rest }]
  })
  const read = variables
    .filter(({ variable }) => isRule(variable))
    .map((rule) => ({ rule, read: readRule(rule.value, signals) }))
  const faults = read.flatMap(({ rule, read: { faults: found = [] } }) =>
    found.map((fault) => `${rule.written}="${quoted(rule.value, 80)}": ${fault}`),
  )
  const rules = read.flatMap(({ rule, read: { rule: one } }) => (one ? [{ ...rule, ...one }] : []))
  return {
    variables: variables.map(({ written }) => written),
    settings: [...settings, ...settingsOf(rules)],
    faults,
    notes: rules.map(noteOf),
  }
}

interface Rule {
  signal: string
  declaration: SignalDeclaration
  target: number
  averagedMs: number
  upMs: number
  downMs: number
}

type WrittenRule = Rule & Pick<Setting, 'written' | 'value'>

/** Of rules on the same signal the one that asks for most; of their rests the longest. */
function settingsOf(rules: readonly WrittenRule[]): Setting[] {
  const demanding = rules.toSorted((a, b) => a.target - b.target)
  const targets = demanding.map(({ signal, target, written }) => {
    return { name: `target.${signal}`, written, value: String(target) }
  })
  const rest = (name: string, key: 'upMs' | 'downMs') =>
    rules
      .toSorted((a, b) => b[key] - a[key])
      .slice(0, 1)
      .map((rule) => ({ name, written: rule.written, value: `${rule[key]}ms` }))
  return [...targets, ...rest('stabilization.up', 'upMs'), ...rest('stabilization.down', 'downMs')]
}

function noteOf({ written, signal, declaration, target, averagedMs, upMs, downMs }: WrittenRule) {
  const aim = `${quantity(target, unitOfSignal(declaration))} of the signal ${signal}`
  const window = `over ${span(declaration.overMs)}, as that is declared, not over ${span(averagedMs)}`
  const rest = `its rest of ${span(upMs)} after a change (${span(downMs)} before shrinking) is taken for windows of stabilization`
  return `${written} is followed as ${aim}: ${window}; ${rest}`
}

const form = 'source | metric | target | per instance | seconds | rest in seconds | factor'
/** Of the rest before instances are taken away; earlier versions knew none. */
const usualFactor = '1'

function readRule(text: string, signals: SignalDeclarations): { rule?: Rule; faults?: string[] } {
  const fields = text.split('|').map((field) => field.replace(/\s+/g, ''))
  if (fields.length < 6 || fields.length > 7) {
    return { faults: [`it has ${fields.length} fields, expected ${form}`] }
  }
  const [source = '', metric = '', kind = '', ...numbers] = fields
  const faults: string[] = []
  const need = (isRight: boolean, name: string, field: string, expected: string) => {
    if (!isRight) faults.push(`its ${name} is "${quoted(field, 40)}", expected ${expected}`)
  }
  const read = (at: number, name: string, expected: string, most: number, usual = ''): number => {
    const field = numbers[at] ?? usual
    const value = /^\d{1,15}$/.test(field) ? Number(field) : NaN
    need(value <= most, name, field, expected)
    return value
  }
  need(source !== '', 'source', source, 'where its metric is kept, like http')
  need(metric !== '', 'metric', metric, 'the name of one, like requests')
  need(kind === 'target', 'kind', kind, 'target: no other has an equivalent')
  const target = /^\d{1,12}(\.\d{1,6})?$/.test(numbers[0] ?? '') ? Number(numbers[0]) : 0
  need(target > 0, 'target', numbers[0] ?? '', 'a number above 0')
  const seconds = 'whole seconds up to 86400'
  const averaged = read(1, 'time to average over', seconds, 86_400)
  const rest = read(2, 'rest', seconds, 86_400)
  const factor = read(3, 'factor', 'a whole number up to 100', 100, usualFactor)
  const found = faults.length > 0 ? undefined : signalOf(source, metric, signals)
  if (faults.length === 0 && !found) faults.push(unmapped(source, metric, signals))
  if (!found) return { faults }
  if (unitOfSignal(found.declaration) === 'ratio' && target > 1) {
    const { signal } = found
    return { faults: [`the signal ${signal} is a share, of which 1 is all: ${target} is none`] }
  }
  const upMs = rest * 1000
  return { rule: { ...found, target, averagedMs: averaged * 1000, upMs, downMs: upMs * factor } }
}

/** `http | requests`: the signal `http_requests`, else `requests`. */
function signalOf(source: string, metric: string, signals: SignalDeclarations) {
  for (const name of signalNames(source, metric)) {
    const declaration = Object.hasOwn(signals, name) ? signals[name] : undefined
    if (declaration) return { signal: name, declaration }
  }
  return undefined
}

function signalNames(source: string, metric: string): [own: string, short: string] {
  const plain = (text: string) => text.toLowerCase().replace(/[^a-z0-9_]/g, '_')
  return [plain(`${source}_${metric}`), plain(metric)]
}

/** What that autoscaler's own collector writes of each task, and what is measured of it here. */
const instead: Readonly<Record<string, string>> = {
  cpu: 'It only grows, so that a mean of it says nothing: take the rule away and write label autoscale.target.cpu=0.7, the share of the limit',
  memory:
    'Or take the rule away and write label autoscale.target.memory=0.8, the share of the limit',
  net: 'It only grows, so that a mean of it says nothing: declare the signal over the metric container.network.receive or container.network.transmit',
  diskio: 'It only grows, so that a mean of it says nothing: take the rule away',
}

function unmapped(source: string, metric: string, signals: SignalDeclarations): string {
  const [own, short] = signalNames(source, metric).map((name) => quoted(name, 60))
  const list = Object.keys(signals).slice(0, 10).join(', ') || 'none'
  const more = Object.hasOwn(instead, source) ? `. ${instead[source]}` : ''
  return `no signal is named ${own} or ${short}: declare one; there are ${list}${more}`
}

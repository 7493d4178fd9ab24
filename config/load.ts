import { readFileSync, statSync } from 'node:fs'
import type { z } from 'zod'
import { errorCode, Trouble } from '../pipeline/errors.ts'
import { checkAcross, type AcrossFault, type Readable } from './across.ts'
import { faultLines, SettingsTrouble, type Fault, type Path } from './faults.ts'
import type { Connection } from './connections.ts'
import type { KindFault } from './kinds.ts'
import { libraryFor } from './library.ts'
import { nearestName } from './near.ts'
import { keysAt } from './schema.ts'
import { settingsSchema, type Settings } from './settings.ts'
import { readTree, type Environment, type Tree } from './tree.ts'

/** Settings as they would stand in a file, with only the keys that are to be set. */
export type Overrides = { [K in keyof SettingsInput]?: unknown }
type SettingsInput = typeof settingsSchema.shape

/** A check by another room (the rules, compiled), for settings that have no other fault. */
export type SettingsCheck = (settings: Settings) => AcrossFault[]

const maxFileBytes = 1024 * 1024

/**
 * Reads the settings. `file` undefined means the empty file; `overrides` (the command line's, the demo's) are laid
 * over it: mappings key by key, lists are added to the file's. `checks` see what is otherwise right. Throws a
 * {@link SettingsTrouble} with all faults, also if the file cannot be read.
 *
 * @example
 * loadSettings('mesoscope.yaml', process.env, { listen: { port: 8080 } }).settings.store.retention // 1209600000
 */
export function loadSettings(
  file: string | undefined,
  env: Environment,
  overrides: Overrides = {},
  checks: readonly SettingsCheck[] = [],
): { settings: Settings } {
  const tree = readTree(file === undefined ? '' : readConfig(file), env)
  tree.lay(overrides)
  tree.lay(libraryFor(tree.value))
  const parsed = settingsSchema.safeParse(tree.value)
  const faults = [...tree.faults]
  // Values that could not be put in were told already; the sentence on what is left of them would mislead.
  const told = new Set(faults.map(({ path }) => JSON.stringify(path)))
  const tell = (found: Fault[]) =>
    faults.push(...found.filter(({ path }) => !told.has(JSON.stringify(path))))
  if (!parsed.success) tell(parsed.error.issues.flatMap((issue) => explainIssue(issue, tree)))
  if (!tree.faults.some(({ path }) => path.length === 0)) {
    tell(placed(tree, checkAcross(readable(tree.value))))
  }
  if (faults.length === 0 && parsed.data) {
    tell(checks.flatMap((check) => placed(tree, check(parsed.data))))
  }
  if (faults.length > 0 || !parsed.success) throw new SettingsTrouble(faultLines(file, faults))
  return { settings: parsed.data }
}

/** Only `data` of the file, for commands that need no more and may not be allowed to read its secrets. */
export function dataDirectory(file: string | undefined, env: Environment): string {
  const tree = readTree(file === undefined ? '' : readConfig(file), env)
  const data = (tree.value as { data?: unknown } | null)?.data
  const parsed = settingsSchema.shape.data.safeParse(data)
  if (parsed.success && tree.faults.length === 0) return parsed.data
  throw new Trouble(`cannot read ${file}`, { remedy: `mend it; mesoscope check ${file} says what` })
}

function readConfig(file: string): string {
  try {
    const { size } = statSync(file)
    if (size > maxFileBytes) {
      throw unreadable(`${file} has ${size} bytes, too many for settings: name the right file`)
    }
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file))
  } catch (error) {
    if (error instanceof Trouble) throw error
    if (error instanceof TypeError) throw unreadable(`${file} is not UTF-8: save it as UTF-8`)
    const code = errorCode(error) ?? 'unknown error'
    throw unreadable(`cannot read ${file} (${code}): name a readable file with --config`)
  }
}

const unreadable = (sentence: string) => new SettingsTrouble([sentence])

function explainIssue(issue: z.core.$ZodIssue, tree: Tree): Fault[] {
  const path = issue.path as Path
  if (issue.code !== 'unrecognized_keys') {
    return placed(tree, [{ path, sentence: sentenceOf(issue, tree) }])
  }
  const known = keysAt(path)
  const faults = issue.keys.map((key) => ({
    path: [...path, key],
    sentence: unknownKey(key, known),
  }))
  return placed(tree, faults)
}

function unknownKey(key: string, known: readonly string[]): string {
  const meant = nearestName(key, known)
  return meant
    ? `is not a setting; did you mean ${meant}?`
    : `is not a setting; here are ${known.join(', ')}`
}

function sentenceOf(issue: z.core.$ZodIssue, tree: Tree): string {
  const value = valueAt(tree.value, issue.path as Path)
  if (issue.code === 'custom') return customSentence(issue, tree, value)
  if (issue.code === 'invalid_key') {
    return 'a signal is named with small letters, digits and _, a letter first'
  }
  if (issue.code === 'too_small') return 'expected at least one item'
  if (issue.code !== 'invalid_type') return issue.message
  const expected = `expected ${issue.expected === 'array' ? 'a list' : 'a mapping'}`
  return value === undefined
    ? `is missing: ${expected}`
    : `${expected}, got ${shown(value, tree, issue.path as Path)}`
}

function customSentence(issue: z.core.$ZodIssueCustom, tree: Tree, value: unknown): string {
  const { meta, plain } = issue.params as unknown as KindFault
  if (meta.secret || value === undefined) return issue.message
  const path = issue.path as Path
  if (plain === undefined) return `${issue.message}, got ${shown(value, tree, path)}`
  return tree.place(path).substituted ? `${plain}, got ${shown(value, tree, path)}` : issue.message
}

/** A value in a message: as written in the file, so that nothing from the environment is shown. */
function shown(value: unknown, tree: Tree, path: Path): string {
  if (value === null) return 'nothing'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'a mapping'
  return tree.place(path).written ?? typeof value
}

function valueAt(value: unknown, path: Path): unknown {
  let current = value
  for (const step of path) current = (current as Record<string | number, unknown> | null)?.[step]
  return current
}

function placed(tree: Tree, found: readonly AcrossFault[]): Fault[] {
  return found.map(({ path, sentence }) => {
    const { line } = tree.place(path)
    return { path, sentence, ...(line !== undefined && { line }) }
  })
}

/** Section by section, and item by item where there are many. */
function readable(root: unknown): Readable {
  const sound = <T>(schema: z.ZodType<T>, ...path: Path): T | undefined =>
    schema.safeParse(valueAt(root, path)).data
  /** '' where there is one that is wrong itself. */
  const soundIfThere = (schema: z.ZodType<string | undefined>, ...path: Path) =>
    valueAt(root, path) === undefined ? undefined : (sound(schema, ...path) ?? '')
  const { shape } = settingsSchema
  const collectors = shape.collectors.unwrap().shape
  const docker = collectors.docker.unwrap().element
  const sandbox = collectors.mesos_sandbox.unwrap().element
  const signal = shape.signals.unwrap().valueType.shape
  const rule = shape.alerts.unwrap().element.shape
  const scaling = shape.autoscaling.unwrap().shape
  const policy = scaling.services.unwrap().element.shape
  const signals = Object.keys(Object(valueAt(root, ['signals'])))
  return {
    listen: sound(shape.listen, 'listen'),
    evaluation: sound(shape.evaluation, 'evaluation'),
    mail: sound(shape.mail, 'mail'),
    kafka: sound(shape.bus.unwrap().shape.kafka, 'bus', 'kafka'),
    elasticsearch: sound(shape.store.unwrap().shape.elasticsearch, 'store', 'elasticsearch'),
    retentionClasses: Object.keys(Object(valueAt(root, ['store', 'retention_classes']))),
    retentions: (['files', 'syslog', 'prometheus', 'checks'] as const).flatMap((kind) =>
      places(root, 'collectors', kind).map((path) => ({
        path,
        retention:
          soundIfThere(collectors[kind].unwrap().element.shape.retention, ...path, 'retention') ||
          undefined,
      })),
    ),
    checks: places(root, 'collectors', 'checks').map((path) => ({
      name: sound(collectors.checks.unwrap().element.shape.name, ...path, 'name'),
    })),
    prometheus: places(root, 'collectors', 'prometheus').map((path) =>
      sound<Readable['prometheus'][number]>(collectors.prometheus.unwrap().element, ...path),
    ),
    syslog: places(root, 'collectors', 'syslog').map((path) =>
      sound<Readable['syslog'][number]>(collectors.syslog.unwrap().element, ...path),
    ),
    marathons: places(root, 'collectors', 'marathon').length,
    docker: places(root, 'collectors', 'docker').map((path) => sound(docker, ...path)),
    mesosSandbox: places(root, 'collectors', 'mesos_sandbox').map((path) =>
      sound(sandbox, ...path),
    ),
    connections: (['mesos_master', 'mesos_agent', 'marathon', 'prometheus'] as const).flatMap(
      (kind) =>
        places(root, 'collectors', kind).flatMap((path) => {
          const item = sound<Connection['item']>(collectors[kind].unwrap().element, ...path)
          return item ? [{ path, item }] : []
        }),
    ),
    signals: Object.fromEntries(
      signals.map((name) => [
        name,
        {
          over: sound(signal.over, 'signals', name, 'over'),
          from: sound(signal.from, 'signals', name, 'from'),
          metric: soundIfThere(signal.metric, 'signals', name, 'metric'),
          measure: sound(signal.measure, 'signals', name, 'measure'),
          by: sound(signal.by, 'signals', name, 'by'),
        },
      ]),
    ),
    builtinSignals: sound(shape.builtin_signals, 'builtin_signals'),
    alerts: places(root, 'alerts').map((path) => ({
      alert: sound(rule.alert, ...path, 'alert'),
      labels: sound(rule.labels, ...path, 'labels'),
      when: sound(rule.when, ...path, 'when'),
    })),
    scaling: {
      interval: sound(scaling.interval, 'autoscaling', 'interval'),
      hasMarathon: isGiven(valueAt(root, ['collectors', 'marathon'])),
      services: places(root, 'autoscaling', 'services').map((path) => ({
        service: sound(policy.service, ...path, 'service'),
        target: eachSound(root, policy.target.valueType, [...path, 'target']),
        min: sound(policy.min, ...path, 'min'),
        max: sound(policy.max, ...path, 'max'),
        tolerance: sound(policy.tolerance, ...path, 'tolerance'),
      })),
    },
  }
}

const isGiven = (value: unknown) =>
  Array.isArray(value) ? value.length > 0 : value !== undefined && value !== null

/** The values of a mapping by name, undefined where one is wrong itself; undefined where there is no mapping. */
function eachSound<T>(root: unknown, schema: z.ZodType<T>, path: Path) {
  const map = valueAt(root, path)
  if (typeof map !== 'object' || map === null || Array.isArray(map)) return undefined
  return Object.fromEntries(
    Object.entries(map).map(([name, value]) => [name, schema.safeParse(value).data]),
  )
}

/** The paths of a list's items; none where there is no list. */
function places(root: unknown, ...path: string[]): Path[] {
  const list = valueAt(root, path)
  return Array.isArray(list) ? list.map((_, i) => [...path, i]) : []
}

import { readFileSync, statSync } from 'node:fs'
import type { z } from 'zod'
import { errorCode, Trouble } from '../pipeline/errors.ts'
import { checkAcross, type AcrossFault } from './across.ts'
import { faultLines, SettingsTrouble, type Fault, type Path } from './faults.ts'
import type { KindFault } from './kinds.ts'
import { libraryFor } from './library.ts'
import { nearestName } from './near.ts'
import { readable, valueAt } from './readable.ts'
import { nameOf, placeOf, type BadRule } from './set-aside.ts'
import { keysAt } from './schema.ts'
import { settingsSchema, type ScalingPolicySettings, type Settings } from './settings.ts'
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
  const { faults, settings } = judge(treeOf(file, env, overrides), checks)
  if (faults.length > 0 || !settings) throw new SettingsTrouble(faultLines(file, faults))
  return { settings }
}

/**
 * The same, but one bad rule stops no other: rules with faults, and signals with those that read them, are set aside.
 * Throws only for faults of anything else.
 */
export function loadUsable(
  file: string | undefined,
  env: Environment,
  overrides: Overrides = {},
  checks: readonly SettingsCheck[] = [],
): { settings: Settings; badRules: BadRule[] } {
  const tree = treeOf(file, env, overrides)
  const badRules: BadRule[] = []
  /** Where the rules that are left stand in the file. */
  const places = [...Array(lengthOf(valueAt(tree.value, ['alerts']))).keys()]
  const asWritten = ({ path, ...fault }: Fault): Fault => {
    const [section, index, ...rest] = path
    const isRule = section === 'alerts' && typeof index === 'number'
    return { ...fault, path: isRule ? [section, places[index] ?? index, ...rest] : path }
  }
  for (;;) {
    const { faults, settings } = judge(tree, checks)
    if (faults.length === 0 && settings) return { settings, badRules }
    const byPlace = Map.groupBy(faults, (fault) => JSON.stringify(placeOf(fault) ?? null))
    // What the tree itself complains of may stand anywhere.
    if (tree.faults.length > 0 || faults.length === 0 || byPlace.has('null')) {
      const others = badRules.flatMap((one) => one.faults)
      throw new SettingsTrouble([...others, ...faultLines(file, faults.map(asWritten))])
    }
    // Those of a list from the last on: what is behind one that is taken out moves up.
    for (const [text, own] of [...byPlace].toSorted(byIndex).toReversed()) {
      const path = JSON.parse(text) as Path
      const faults = faultLines(file, own.map(asWritten))
      badRules.push({ ...nameOf(valueAt(tree.value, path)), faults })
      tree.drop(path)
      if (path[0] === 'alerts') places.splice(Number(path[1]), 1)
    }
  }
}

const lengthOf = (value: unknown) => (Array.isArray(value) ? value.length : 0)

/** What stands in no list has no place in the order. */
function byIndex([a]: [string, unknown], [b]: [string, unknown]): number {
  const [one = 0, other = 0] = [a, b].map((text) => {
    const index = (JSON.parse(text) as Path)[1]
    return typeof index === 'number' ? index : -1
  })
  return one - other
}

function treeOf(file: string | undefined, env: Environment, overrides: Overrides): Tree {
  const tree = readTree(file === undefined ? '' : readConfig(file), env)
  tree.lay(overrides)
  tree.lay(libraryFor(tree.value))
  return tree
}

function judge(
  tree: Tree,
  checks: readonly SettingsCheck[],
): { faults: Fault[]; settings: Settings | undefined } {
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
  return { faults, settings: parsed.data }
}

/**
 * One scaling policy that stands alone, checked as it is in the settings. Nothing of the environment is put in. Throws a
 * {@link SettingsTrouble} with all faults, `file` in front of each.
 */
export function readPolicy(source: string, file: string, service: string): ScalingPolicySettings {
  const tree = readTree(source, {})
  const where = ['autoscaling', 'services', 0] as const
  const isMapping = typeof tree.value === 'object' && !Array.isArray(tree.value)
  const policy = isMapping ? { service, ...(tree.value as object) } : tree.value
  const around: Tree = {
    ...tree,
    value: { autoscaling: { services: [policy] } },
    place: (path) => tree.place(path.slice(where.length)),
  }
  const parsed = settingsSchema.safeParse(around.value)
  const issues = parsed.error?.issues ?? []
  const faults =
    tree.faults.length > 0
      ? tree.faults
      : issues.flatMap((issue) =>
          explainIssue(issue, around).map((one) => ({
            ...one,
            path: one.path.slice(where.length),
            line: one.line ?? 1,
          })),
        )
  const read = parsed.data?.autoscaling.services[0]
  if (faults.length > 0 || !read) throw new SettingsTrouble(faultLines(file, faults))
  return read
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

function placed(tree: Tree, found: readonly AcrossFault[]): Fault[] {
  return found.map(({ path, sentence }) => {
    const { line } = tree.place(path)
    return { path, sentence, ...(line !== undefined && { line }) }
  })
}

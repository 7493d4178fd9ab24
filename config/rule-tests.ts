import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { errorCode } from '../pipeline/errors.ts'
import { levels } from '../pipeline/event.ts'
import { identityFields, type Identity } from '../pipeline/identity.ts'
import type { ExpectedAlert, RuleEvent, RuleInput, RuleTest } from '../pipeline/rule-test.ts'
import { faultLines, SettingsTrouble, type Fault, type Path } from './faults.ts'
import { readTree, type Tree } from './tree.ts'
import { parseDuration } from './units.ts'

/*
 * Files of `mesoscope rules test`: what comes, and what the rules have to make of it. The README shows one.
 */

const maxBytes = 4 * 1024 * 1024
/** So many events of one test; more is a typing error in a time. */
const maxEvents = 1_000_000
/** Unless a test says when it begins. */
const defaultStart = '2026-01-01T00:00:00Z'

type Part = keyof Identity
const parts = Object.keys(identityFields) as Part[]

const duration = z.string().transform((text, context) => {
  const ms = text === '0' ? 0 : parseDuration(text)
  if (ms !== undefined) return ms
  context.addIssue({ code: 'custom', message: 'expected a duration like 90s' })
  return z.NEVER
})

const span = z.string().transform((text, context) => {
  const [from = '', to, ...more] = text.split('..')
  const [fromMs, toMs] = [from, to ?? from].map((one) => (one === '0' ? 0 : parseDuration(one)))
  if (fromMs !== undefined && toMs !== undefined && more.length === 0 && toMs >= fromMs) {
    return { fromMs, toMs: to === undefined ? fromMs + 1 : toMs }
  }
  context.addIssue({ code: 'custom', message: 'expected a time like 30s, or a span like 0s..5m' })
  return z.NEVER
})

const start = z.string().transform((text, context) => {
  const ms = Date.parse(text)
  if (/(Z|[+-]\d\d:\d\d)$/.test(text) && ms >= 0) return ms
  context.addIssue({ code: 'custom', message: `expected a time like ${defaultStart}` })
  return z.NEVER
})

const identity = Object.fromEntries(
  parts.filter((part) => part !== 'labels').map((part) => [part, z.string().min(1).optional()]),
) as Record<Exclude<Part, 'labels'>, z.ZodOptional<z.ZodString>>
const labels = z.record(z.string(), z.string())
const whose = { ...identity, labels: labels.optional() }
const fields = z.record(z.string(), z.unknown()).default({})

const log = z.strictObject({
  ...whose,
  message: z.string(),
  level: z.enum(levels).optional(),
  fields,
})
const sample = z.strictObject({ ...whose, metrics: z.record(z.string(), z.number()) })
const change = z.strictObject({
  ...whose,
  kind: z.string().min(1),
  action: z.string().min(1),
  message: z.string().default(''),
  fields,
})

const input = z
  .strictObject({
    at: span,
    every: duration.default(1000),
    late: duration.default(0),
    log: log.optional(),
    sample: sample.optional(),
    change: change.optional(),
  })
  .refine((one) => [one.log, one.sample, one.change].filter(Boolean).length === 1, {
    message: 'expected one of log, sample and change',
  })
  .refine(({ every }) => every > 0, { message: 'expected more than nothing', path: ['every'] })

const expected = {
  alert: z.string().min(1),
  labels: labels.default({}),
  annotations: labels.default({}),
  value: z.number().optional(),
}
const activeAlert = z.strictObject({
  ...expected,
  state: z.enum(['pending', 'firing', 'unknown']),
})
const toldAlert = z.strictObject({
  ...expected,
  at: duration,
  state: z.enum(['firing', 'resolved']),
})

const test = z.strictObject({
  name: z.string().min(1),
  start: start.default(Date.parse(defaultStart)),
  length: duration.optional(),
  only: z.array(z.string().min(1)).min(1).optional(),
  input: z.array(input).min(1),
  expect: z.array(z.strictObject({ at: duration, alerts: z.array(activeAlert) })).default([]),
  told: z.array(toldAlert).optional(),
})

const file = z.strictObject({
  /** The settings with the rules, beside this file. */
  rules: z.string().min(1).optional(),
  tests: z.array(test).min(1),
})

export interface RuleTests {
  /** As written. */
  rules: string | undefined
  tests: RuleTest[]
}

/** Reads a file of tests. Throws a {@link SettingsTrouble} with all faults, each with file, line and path. */
export function loadRuleTests(path: string): RuleTests {
  const tree = readTree(readText(path), {})
  const { data, error } = file.safeParse(tree.value)
  const faults: Fault[] = [...tree.faults]
  if (faults.length === 0) {
    for (const issue of error?.issues ?? []) faults.push(...faultsOf(issue, tree))
    for (const [index, one] of (data?.tests ?? []).entries()) {
      if (eventsOf(one) > maxEvents) {
        const at = ['tests', index, 'input']
        faults.push(placed(tree, at, `expected at most ${maxEvents} events: look at its times`))
      }
    }
  }
  if (faults.length > 0 || !data) throw new SettingsTrouble(faultLines(path, faults))
  return { rules: data.rules, tests: data.tests.map((one, index) => testOf(one, index, tree)) }
}

function readText(path: string): string {
  try {
    const bytes = readFileSync(path)
    if (bytes.length <= maxBytes) return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (error) {
    const why = errorCode(error) ?? 'it is not UTF-8'
    throw new SettingsTrouble([`cannot read ${path} (${why}): name a readable file of tests`])
  }
  throw new SettingsTrouble([`${path} has more than ${maxBytes} bytes`])
}

function faultsOf(issue: z.core.$ZodIssue, tree: Tree): Fault[] {
  const path = issue.path as Path
  if (issue.code !== 'unrecognized_keys') return [placed(tree, path, issue.message)]
  return issue.keys.map((key) => placed(tree, [...path, key], 'is not known here'))
}

function placed(tree: Tree, path: Path, sentence: string): Fault {
  const { line } = tree.place(path)
  return { path, sentence, ...(line === undefined ? {} : { line }) }
}

type Read = z.output<typeof test>

const eventsOf = ({ input: all }: Read) =>
  all.reduce((sum, { at, every }) => sum + Math.ceil((at.toMs - at.fromMs) / every), 0)

function testOf(read: Read, index: number, tree: Tree): RuleTest {
  const lineOf = (...path: Path) => tree.place(['tests', index, ...path]).line ?? 1
  const inputs = read.input.map(inputOf)
  const expect = read.expect.map(({ at, alerts }, n) => ({
    line: lineOf('expect', n),
    atMs: at,
    alerts: alerts.map(expectedOf),
  }))
  const told = read.told?.map(({ at, ...one }, n) => ({
    ...expectedOf(one),
    line: lineOf('told', n),
    atMs: at,
  }))
  const times = [...expect, ...(told ?? [])].map(({ atMs }) => atMs)
  const ends = inputs.map(({ toMs, lateMs }) => toMs + lateMs)
  return {
    name: read.name,
    line: lineOf(),
    startMs: read.start,
    lengthMs: read.length ?? Math.max(...times, ...ends),
    input: inputs,
    expect,
    ...(told ? { told } : {}),
    ...(read.only ? { only: read.only } : {}),
  }
}

function inputOf({ at, every, late, ...one }: Read['input'][number]): RuleInput {
  const given = one.log ?? one.sample ?? one.change
  const known = Object.entries(given ?? {}).filter(
    ([part, value]) => value !== undefined && parts.includes(part as Part),
  )
  const identity = Object.fromEntries(known) as Identity
  return { ...at, everyMs: every, lateMs: late, identity, event: eventOf(one) }
}

function eventOf({
  log,
  sample,
  change,
}: Pick<Read['input'][number], 'log' | 'sample' | 'change'>) {
  if (log) {
    const { message, level, fields } = log
    return { log: { message, fields, ...(level ? { level } : {}) } } satisfies RuleEvent
  }
  if (sample) return { sample: sample.metrics } satisfies RuleEvent
  const { kind = '', action = '', message = '', fields = {} } = change ?? {}
  return { change: { kind, action, message, fields } } satisfies RuleEvent
}

function expectedOf<State extends string>({
  value,
  ...one
}: Omit<ExpectedAlert, 'state' | 'value'> & { state: State; value?: number | undefined }) {
  return { ...one, ...(value === undefined ? {} : { value }) }
}

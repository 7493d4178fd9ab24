import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { explain } from '../../pipeline/errors.ts'
import type { OracleCase, OracleFile } from './oracle.ts'
import { captures, knownDifferences, outside, replays } from './replays.ts'

/** What became of one case. */
export interface Outcome {
  id: string
  differences: string[]
  /** Why it may differ. */
  reason?: string
}

export interface FileReport {
  /** `elastalert/frequency` */
  name: string
  outcomes: Outcome[]
  /** Cases that were not replayed, and why. */
  left?: { id: string; why: string }[]
  /** Why none of it was replayed. */
  skipped?: string
}

/** Of a file so many cases may differ, each with its reason. */
const mostKnown = 0.02

/** Replays every file of cases below a directory, one after the other; names are relative to it. */
export function* replayDirectory(dir: string): Generator<FileReport> {
  for (const path of readdirSync(dir, { recursive: true, encoding: 'utf8' }).toSorted()) {
    if (path.endsWith('.json')) yield replayFile(dir, join(dir, path))
  }
}

function replayFile(dir: string, path: string): FileReport {
  const name = relative(dir, path).replace(/\.json$/, '')
  const kind = kindOf(name)
  if (captures.has(kind)) return { name, outcomes: [], skipped: 'captured shapes, no cases' }
  const replay = replays[kind]
  if (!replay) return { name, outcomes: [], skipped: 'nothing replays such cases' }
  const file = JSON.parse(readFileSync(path, 'utf8')) as OracleFile
  const known = knownDifferences[kind] ?? {}
  const left = file.cases.flatMap((one) => {
    const why = outside[kind]?.(one)
    return why === undefined ? [] : [{ id: one.id, why }]
  })
  const leftIds = new Set(left.map(({ id }) => id))
  const replayed = file.cases.filter(({ id }) => !leftIds.has(id))
  const outcomes = replayed.map((one) => {
    const differences = replayCase(() => replay(one, file))
    const reason = known[one.id]
    return { id: one.id, differences, ...(reason === undefined ? {} : { reason }) }
  })
  return { name, outcomes: withinBounds(outcomes, replayed), left }
}

/** The last two parts: the files may stand in any directory. */
function kindOf(name: string): string {
  return name.split(/[\\/]/).slice(-2).join('/')
}

/** One that the product cannot even take stops no other. */
function replayCase(replay: () => string[]): string[] {
  try {
    return replay()
  } catch (error) {
    return [`it cannot be replayed: ${explain(error)}`]
  }
}

/** A reason excuses no more than the bound. */
function withinBounds(outcomes: Outcome[], cases: readonly OracleCase[]): Outcome[] {
  const excused = outcomes.filter(({ reason, differences }) => reason && differences.length > 0)
  if (excused.length <= cases.length * mostKnown) return outcomes
  return outcomes.map(({ id, differences }) => ({ id, differences }))
}

export const hasFailed = ({ differences, reason }: Outcome) =>
  differences.length > 0 && reason === undefined

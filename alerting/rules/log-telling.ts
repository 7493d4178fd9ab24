import { z } from 'zod'
import { gather, type Gathered, type Gathering } from './aggregation.ts'
import { parseCron } from './cron.ts'
import { lookup } from './kinds/kind.ts'
import { realert, type Silenced } from './realert.ts'
import type { Sample } from './rule.ts'

/** How often matches are told, with ElastAlert's names; durations are ms. */
export const tellingParameters = {
  /** So long after a match others of the same `query_key` are no alerts. */
  realert: z.number().nonnegative().optional(),
  exponential_realert: z.number().positive().optional(),
  /** Matches are told together: so long after the first, or at the next time of a schedule. */
  aggregation: z
    .union([z.number().positive(), z.strictObject({ schedule: z.string().min(1) })])
    .optional(),
  /** Those with different values of this field are told apart. */
  aggregation_key: z.string().min(1).optional(),
} as const

type TellingParameters = z.output<z.ZodObject<typeof tellingParameters>>

/** A match, as the alert that it would be. */
export interface Tellable {
  match: Record<string, unknown>
  sample: Sample
  /** The values of `query_key`. */
  key: string
}

/** Plain data. */
export interface TellingState {
  silenced: Record<string, Silenced>
  gathered: Record<string, Together>
}

interface Together extends Gathered {
  sample: Sample
  matches: number
}

/** More are forgotten, the oldest first. */
const maxSilenced = 10_000
/** Matches with more values of the key are told together. */
const maxGathered = 10_000
const others = ''

/** Chooses which matches become alerts, and when. Time is that of the evaluations. */
export function openTelling(parameters: TellingParameters, restored: TellingState | undefined) {
  const { realert: pause, exponential_realert: longest, aggregation, aggregation_key } = parameters
  const gathering = gatheringOf(aggregation)
  const { silenced: before = {}, gathered: waiting = {} } = structuredClone(restored) ?? {}
  const silenced = new Map(Object.entries(before))
  const gathered = new Map(Object.entries(waiting))

  function isSilenced(key: string, ts: number): boolean {
    if (pause === undefined) return false
    const parameters = { realert: pause, exponential_realert: longest }
    const next = realert(parameters, silenced.get(`=${key}`), ts)
    if (!next) return true
    silenced.delete(`=${key}`)
    silenced.set(`=${key}`, next)
    const [oldest] = silenced.keys()
    if (oldest !== undefined && silenced.size > maxSilenced) silenced.delete(oldest)
    return false
  }

  function join({ match, sample }: Tellable, by: Gathering, ts: number): void {
    const value = aggregation_key === undefined ? undefined : lookup(match, aggregation_key)
    const own = `=${JSON.stringify(value) ?? ''}`
    const key = gathered.has(own) || gathered.size < maxGathered ? own : others
    const before = gathered.get(key)
    const { sendAt, first } = gather(by, before, { id: sample.fingerprint, now: ts })
    if (before?.sendAt === sendAt) before.matches++
    else gathered.set(key, { sendAt, first, sample, matches: 1 })
  }

  return {
    told(ts: number, matches: readonly Tellable[]): Sample[] {
      const fresh = matches.filter(({ key }) => !isSilenced(key, ts))
      if (!gathering) return fresh.map(({ sample }) => sample)
      for (const one of fresh) join(one, gathering, ts)
      const due = [...gathered].filter(([, { sendAt }]) => sendAt <= ts)
      for (const [key] of due) gathered.delete(key)
      return due.map(([, { sample, matches: value }]) => ({ ...sample, value }))
    },
    /** Matches are there that are told later. */
    isWaiting: () => gathered.size > 0,
    save(): { telling?: TellingState } {
      const isUsed = pause !== undefined || gathering !== undefined
      const state = {
        silenced: Object.fromEntries(silenced),
        gathered: Object.fromEntries(gathered),
      }
      return isUsed ? { telling: state } : {}
    },
  }
}

/** Throws where the schedule is none. */
function gatheringOf(aggregation: TellingParameters['aggregation']): Gathering | undefined {
  if (aggregation === undefined) return undefined
  if (typeof aggregation === 'number') return { spanMs: aggregation }
  return { schedule: parseCron(aggregation.schedule) }
}

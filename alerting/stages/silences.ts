/** Silences: states, what may be set or changed, and which ones mute a label set. Times in ms, ids from the caller. */
import { Trouble } from '../../pipeline/errors.ts'
import { flagsOf } from '../../pipeline/matcher-operator.ts'
import type { Labels } from './labels.ts'
import { matcher, matchesAll, matchersText, type Matcher, type MatcherText } from './matcher.ts'
import { createSilenceIndex } from './silence-index.ts'

/** Plain data. */
export interface Silence {
  id: string
  matchers: readonly MatcherText[]
  startsAt: number
  endsAt: number
  updatedAt: number
  createdBy: string
  comment: string
}

/** As it is asked for; with the id of one that is to change. */
export type SilenceRequest = Omit<Silence, 'id' | 'updatedAt'> & { id?: string }

export type SilenceState = 'pending' | 'active' | 'expired'

/** How long an expired silence can still be looked at. */
export const silenceRetentionMs = 120 * 3_600_000

/** Its last instant belongs to it. One that was ended by hand is over within the same millisecond. */
export function silenceState({ startsAt, endsAt, updatedAt }: Silence, now: number): SilenceState {
  if (now < startsAt) return 'pending'
  return now > endsAt || endsAt <= updatedAt ? 'expired' : 'active'
}

export interface Silences {
  /**
   * Sets one and returns its id: `newId` for a new one and where the change is more than one of comment and times, which
   * expires the old one. Throws Trouble where it is refused.
   */
  set(request: SilenceRequest, now: number, newId: string): string
  /** Ends one now, if it has not ended. Throws Trouble where there is none. */
  expire(id: string, now: number): void
  /** The ids of the active ones that match, sorted. */
  mutedBy(labels: Labels, now: number): string[]
  /** Forgets those that ended long ago. */
  forget(now: number): void
  list(): Silence[]
}

interface Kept {
  silence: Silence
  matchers: readonly Matcher[]
}

export function createSilences(restored: readonly Silence[] = []): Silences {
  const kept = new Map<string, Kept>()
  const index = createSilenceIndex<Kept>()
  const drop = (id: string) => {
    const before = kept.get(id)
    if (before) index.delete(before)
    kept.delete(id)
  }
  const keep = (silence: Silence) => {
    const one = { silence, matchers: silence.matchers.map(matcher) }
    drop(silence.id)
    kept.set(silence.id, one)
    index.add(one)
  }
  restored.forEach(keep)
  return {
    set: (request, now, newId) => {
      check(request, now)
      const before = request.id === undefined ? undefined : known(kept, request.id).silence
      const id = before && mayChange(before, request, now) ? before.id : newId
      if (before && id === newId && silenceState(before, now) !== 'expired') {
        keep(ended(before, now))
      }
      const startsAt = id === newId ? Math.max(request.startsAt, now) : request.startsAt
      keep({ ...request, id, startsAt, updatedAt: now })
      return id
    },
    expire: (id, now) => {
      const { silence } = known(kept, id)
      if (silenceState(silence, now) !== 'expired') keep(ended(silence, now))
    },
    mutedBy: (labels, now) =>
      index
        .candidates(labels)
        .filter(({ silence, matchers }) => isActive(silence, now) && matchesAll(matchers, labels))
        .map(({ silence }) => silence.id)
        .toSorted(),
    forget: (now) => {
      for (const [id, { silence }] of kept) {
        if (silence.endsAt + silenceRetentionMs <= now) drop(id)
      }
    },
    list: () => [...kept.values()].map(({ silence }) => silence),
  }
}

const isActive = (silence: Silence, now: number) => silenceState(silence, now) === 'active'

function known(kept: ReadonlyMap<string, Kept>, id: string): Kept {
  const found = kept.get(id)
  if (!found) throw new Trouble(`silence ${id} not found`)
  return found
}

/** Throws Trouble where a silence may not be set like this. */
function check({ matchers, startsAt, endsAt }: SilenceRequest, now: number): void {
  for (const [name, time] of Object.entries({ startsAt, endsAt })) {
    if (!Number.isFinite(time)) throw new Trouble(`${name}: must be a time`)
  }
  if (startsAt >= endsAt) throw new Trouble('start time must be before end time')
  if (endsAt <= now) throw new Trouble("end time can't be in the past")
  if (matchers.length === 0) throw new Trouble('at least one matcher required')
  const unnamed = matchers.findIndex(({ name }) => name === '')
  if (unnamed >= 0) throw new Trouble(`matchers[${unnamed}].name: must not be empty`)
  if (matchers.map(matcher).every(demandsNothing)) {
    throw new Trouble('at least one matcher must not match the empty string')
  }
}

/**
 * Alertmanager asks this of `=` and `=~` alone: a negated matcher counts as one that demands something, though it takes a
 * missing label too.
 */
function demandsNothing({ op, test }: Matcher): boolean {
  return flagsOf(op).isEqual && test('')
}

/** It ends at `now`; one that has not begun never does. */
function ended(silence: Silence, now: number): Silence {
  const startsAt = Math.min(silence.startsAt, now)
  return { ...silence, startsAt, endsAt: now, updatedAt: now }
}

/** Whether the change keeps the id: same matchers, and no time that has passed is changed. */
function mayChange(before: Silence, wanted: SilenceRequest, now: number): boolean {
  if (matchersText(before.matchers) !== matchersText(wanted.matchers)) return false
  const state = silenceState(before, now)
  if (state === 'pending') return wanted.startsAt >= now
  // Times on the wire may have lost their fractions.
  const sameSecond = Math.floor(wanted.startsAt / 1000) === Math.floor(before.startsAt / 1000)
  return state === 'active' && sameSecond
}

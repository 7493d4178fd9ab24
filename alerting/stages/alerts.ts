/** Alerts as they are posted, and as they are kept: what is missing filled in, re-posts merged. */
import { Trouble } from '../../pipeline/errors.ts'
import { fingerprint, readLabels, withoutEmpty, type Labels } from './labels.ts'

/** As it comes in; times in ms. */
export interface PostedAlert {
  labels: Labels
  annotations?: Labels
  startsAt?: number
  /** Left out: as long as it is posted again within the resolve timeout. */
  endsAt?: number
  generatorURL?: string
}

/** Plain data; times in ms. */
export interface Alert {
  fingerprint: string
  labels: Labels
  annotations: Labels
  startsAt: number
  endsAt: number
  generatorURL: string
  updatedAt: number
  /** `endsAt` was not told, it is the resolve timeout. */
  timeout: boolean
}

/** Of the end itself it is resolved. */
export function isResolved({ endsAt }: Pick<Alert, 'endsAt'>, now: number): boolean {
  return endsAt <= now
}

/** The alert as kept when it is posted at `now`; `resolveTimeout` in ms. Throws Trouble where it is none. */
export function ingest(posted: PostedAlert, now: number, resolveTimeout: number): Alert {
  const startsAt = posted.startsAt ?? posted.endsAt ?? now
  const endsAt = posted.endsAt ?? now + resolveTimeout
  for (const [name, time] of Object.entries({ endsAt, startsAt })) {
    if (!Number.isFinite(time)) throw new Trouble(`${name}: must be a time`)
  }
  if (endsAt < startsAt) throw new Trouble('start time must be before end time')
  const labels = withoutEmpty(readLabels(posted.labels, 'labels'))
  // An annotation may be empty: only of labels that is the same as none.
  const annotations = readLabels(posted.annotations ?? {}, 'annotations')
  if (Object.keys(labels).length === 0) throw new Trouble('at least one label pair required')
  return {
    fingerprint: fingerprint(labels),
    labels,
    annotations,
    startsAt,
    endsAt,
    generatorURL: posted.generatorURL ?? '',
    updatedAt: now,
    timeout: posted.endsAt === undefined,
  }
}

/** The kept alert after one of the same labels came in at `now`: merged where their times overlap, else the new one. */
export function merge(kept: Alert | undefined, posted: Alert, now: number): Alert {
  if (!kept || !overlap(kept, posted)) return posted
  const endsAt = endOf(kept, posted, now)
  return { ...posted, startsAt: Math.min(kept.startsAt, posted.startsAt), endsAt }
}

function overlap(kept: Alert, posted: Alert): boolean {
  const inside = (time: number) => time > kept.startsAt && time < kept.endsAt
  // A re-post that begins with the kept one and ends no earlier overlaps too, but has nothing to take from it.
  return inside(posted.endsAt) || inside(posted.startsAt)
}

/** Of two resolved ones the later end; of a posted firing one its own, unless an explicit end that was told is later. */
function endOf(kept: Alert, posted: Alert, now: number): number {
  const later = kept.endsAt > posted.endsAt
  const rules = isResolved(posted, now) ? isResolved(kept, now) : !kept.timeout
  return later && rules ? kept.endsAt : posted.endsAt
}

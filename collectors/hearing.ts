import { isoToMs, msToIso, type ChangeDoc } from '../pipeline/event.ts'
import { spokenSeconds } from '../pipeline/spoken.ts'
import { identityToEcs } from '../pipeline/identity.ts'

/** When events were heard: what happened in between is known by its outcome alone, and that is told. */
export interface Hearing {
  lost(nowMs: number): void
  /** Events come (again). A gap shorter than the time between two polls is not told: some hide that much always. */
  back(nowMs: number): ChangeDoc[]
  /** Of changes that a poll has found those that an event should have told, as one change that names them. */
  missed(found: readonly ChangeDoc[], nowMs: number): ChangeDoc[]
}

/** So many of them are named. */
const maxNamed = 5

const tellers = { marathon: 'Marathon', mesos: 'the Mesos master' }

export interface HearingOptions {
  name: string
  of: keyof typeof tellers
  cluster: string | undefined
  /** Between two polls. */
  intervalMs: number
}

export function openHearing({ name, of, cluster, intervalMs }: HearingOptions): Hearing {
  let lostMs: number | undefined
  /** Since when events come; who was never heard has not gone silent. */
  let sinceMs: number | undefined

  const change = (
    action: string,
    atMs: number,
    key: number | string,
    message: string,
  ): ChangeDoc => ({
    '@timestamp': msToIso(atMs),
    'event.id': `change:collector:${name}:${action}:${key}`,
    'event.kind': 'collector',
    'event.action': action,
    message: `${name}: ${message}`,
    'event.provider': of,
    ...identityToEcs(cluster === undefined ? {} : { cluster }),
  })

  const gap = (fromMs: number, toMs: number): ChangeDoc => ({
    ...change(
      'events-gap',
      toMs,
      fromMs,
      `no events of ${tellers[of]} from ${new Date(fromMs).toISOString()} for ${spokenSeconds((toMs - fromMs) / 1000)}: ` +
        'of what happened then only what polls found is known',
    ),
    'gap.from': msToIso(fromMs),
    'gap.to': msToIso(toMs),
  })

  /** Clocks differ, and what happened around the beginning of events nobody promised to tell. */
  const isPromised = (doc: ChangeDoc) =>
    sinceMs !== undefined &&
    lostMs === undefined &&
    isoToMs(doc['@timestamp']) > sinceMs + intervalMs

  return {
    lost(nowMs) {
      if (sinceMs !== undefined) lostMs ??= nowMs
    },
    back(nowMs) {
      const fromMs = lostMs
      lostMs = undefined
      sinceMs = nowMs
      return fromMs === undefined || nowMs - fromMs <= intervalMs ? [] : [gap(fromMs, nowMs)]
    },
    missed(found, nowMs) {
      const missed = found.filter(isPromised)
      const [first] = missed
      if (!first) return []
      const named = missed.slice(0, maxNamed).map(({ message }) => message)
      const others = missed.length > maxNamed ? ` (and ${missed.length - maxNamed} more)` : ''
      const told = `no event of ${tellers[of]} told what a poll has found: ${named.join('; ')}${others}`
      return [change('events-missed', nowMs, first['event.id'], told)]
    },
  }
}

import { msToIso, type ChangeDoc } from '../pipeline/event.ts'
import { spokenSeconds } from '../pipeline/spoken.ts'
import { identityToEcs } from '../pipeline/identity.ts'

/** When events were heard: what happened in between is known by its outcome alone, and that is told. */
export interface Hearing {
  lost(nowMs: number): void
  /** Events come (again). A gap shorter than the time between two polls is not told: some hide that much always. */
  back(nowMs: number): ChangeDoc[]
}

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
  /** Who was never heard has not gone silent. */
  let isHeard = false

  const gap = (fromMs: number, toMs: number): ChangeDoc => ({
    '@timestamp': msToIso(toMs),
    'event.id': `change:collector:${name}:events-gap:${fromMs}`,
    'event.kind': 'collector',
    'event.action': 'events-gap',
    message:
      `${name}: no events of ${tellers[of]} from ${new Date(fromMs).toISOString()} for ${spokenSeconds((toMs - fromMs) / 1000)}: ` +
      'of what happened then only what polls found is known',
    'event.provider': of,
    'gap.from': msToIso(fromMs),
    'gap.to': msToIso(toMs),
    ...identityToEcs(cluster === undefined ? {} : { cluster }),
  })

  return {
    lost(nowMs) {
      if (isHeard) lostMs ??= nowMs
    },
    back(nowMs) {
      const fromMs = lostMs
      lostMs = undefined
      isHeard = true
      return fromMs === undefined || nowMs - fromMs <= intervalMs ? [] : [gap(fromMs, nowMs)]
    },
  }
}

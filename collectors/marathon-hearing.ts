import { msToIso, type ChangeDoc } from '../pipeline/event.ts'
import { spokenSeconds } from '../pipeline/spoken.ts'
import { identityToEcs } from '../pipeline/identity.ts'

/** When events were heard: what happened in between is known by its outcome alone, and that is told. */
export interface Hearing {
  lost(nowMs: number): void
  /** Events come (again). A gap shorter than the time between two polls is not told: some hide that much always. */
  back(nowMs: number): ChangeDoc[]
}

export interface HearingOptions {
  name: string
  cluster: string | undefined
  intervalMs: number
}

export function openHearing({ name, cluster, intervalMs }: HearingOptions): Hearing {
  let lostMs: number | undefined

  const gap = (fromMs: number, toMs: number): ChangeDoc => ({
    '@timestamp': msToIso(toMs),
    'event.id': `change:collector:${name}:events-gap:${fromMs}`,
    'event.kind': 'collector',
    'event.action': 'events-gap',
    message:
      `${name}: no events of Marathon from ${new Date(fromMs).toISOString()} for ${spokenSeconds((toMs - fromMs) / 1000)}: ` +
      'of what happened then only what polls found is known',
    'event.provider': 'marathon',
    'gap.from': msToIso(fromMs),
    'gap.to': msToIso(toMs),
    ...identityToEcs(cluster === undefined ? {} : { cluster }),
  })

  return {
    lost: (nowMs) => void (lostMs ??= nowMs),
    back(nowMs) {
      const fromMs = lostMs
      lostMs = undefined
      return fromMs === undefined || nowMs - fromMs <= intervalMs ? [] : [gap(fromMs, nowMs)]
    },
  }
}

import type { Clock } from '../pipeline/clock.ts'
import type { Message } from './channels/channel.ts'
import { gatherEvidence, type Evidence, type EvidenceSources } from './evidence.ts'
import { renderGroup } from './group-message.ts'
import { hasFired, ownNotification } from './own-alerts.ts'
import type { Notification as OwnNotification, OwnedState } from './records.ts'
import { fingerprintOf } from './rules/rule.ts'
import type { StagesConfig } from './stages/config.ts'
import type { GroupNews } from './stages/flush.ts'
import { routesOf } from './stages/routes.ts'

export interface RenderingOptions extends EvidenceSources {
  /** All alerts of our own rules. */
  states: () => readonly OwnedState[]
  stages: Pick<StagesConfig, 'route'>
  publicUrl: () => string | undefined
  clock: Clock
  patienceMs?: number
}

/** Of so many alerts of a group it is looked what is behind them. */
const lookedBehind = 3

/** What is said of a group, with what is known of those of its alerts that are of our own rules. */
export function openRendering(options: RenderingOptions) {
  const { stages, publicUrl, clock } = options
  const { signal } = new AbortController()

  async function behind(own: Iterable<OwnNotification>): Promise<Map<string, Evidence>> {
    const looked = [...own].slice(0, lookedBehind)
    const found = await Promise.all(
      looked.map(async (one) => {
        const evidence = await gatherEvidence(one, { ...options, signal })
        return [one.incident, evidence] as const
      }),
    )
    return new Map(found)
  }

  return async (news: GroupNews): Promise<Message> => {
    const states = new Map(options.states().map((state) => [state.alert.fingerprint, state]))
    const own = new Map<string, OwnNotification>()
    for (const { fingerprint, labels } of news.alerts) {
      const state = states.get(fingerprintOf(labels))
      if (state && hasFired(state)) own.set(fingerprint, ownNotification(state))
    }
    const evidence = await behind(own.values())
    return renderGroup(news, {
      known: ({ fingerprint }) => own.get(fingerprint),
      evidence: ({ incident }) => evidence.get(incident),
      publicUrl: publicUrl(),
      nowMs: clock.now(),
      others: othersOf(news, stages),
    })
  }
}

/** Who else is told of the first of them. */
function othersOf({ receiver, alerts }: GroupNews, { route }: Pick<StagesConfig, 'route'>) {
  const [first] = alerts
  const told = first ? routesOf(route, first.labels).map((one) => one.receiver) : []
  return [...new Set(told)].filter((name) => name !== receiver)
}

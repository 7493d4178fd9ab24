import { goJson, isoTime, mapOf } from './go-json.ts'
import type { GroupAlert, GroupNotification } from './group.ts'
import { textRequest, urlBelow, type ChannelRequest } from './request.ts'

/** An Alertmanager that tells people instead of us. */
export interface AlertmanagerSettings {
  /** Its address, without `/api/v2/alerts`. */
  url: string
  /** The value of that header. */
  authorization?: string
  /**
   * How long an alert fires there without being told again, ms; must be longer than the receiver's `repeat_interval`.
   * Five hours unless set: an hour more than Alertmanager's usual one.
   */
  validForMs?: number
}

const usualValidityMs = 5 * 3_600_000
/** So many alerts Prometheus sends at once; and so many characters at most, unless one alert alone has more. */
const [mostAlerts, mostCharacters] = [256, 4 * 2 ** 20]

/** The group's alerts at `now` (ms) as Prometheus posts them; each Alertmanager groups them anew. */
export function alertmanagerRequests(
  { alerts }: GroupNotification,
  { url, authorization, validForMs = usualValidityMs }: AlertmanagerSettings,
  now: number,
): ChannelRequest[] {
  const address = urlBelow(url, 'api/v2/alerts')
  const posts = alerts.map((alert) => goJson(posted(alert, now + validForMs)))
  return batches(posts).map((some) => textRequest(address, `[${some.join(',')}]`, authorization))
}

function batches(posts: readonly string[]): string[][] {
  const all: string[][] = []
  let characters = 0
  for (const post of posts) {
    const last = all.at(-1)
    characters += post.length
    if (last && last.length < mostAlerts && characters <= mostCharacters) last.push(post)
    else {
      all.push([post])
      characters = post.length
    }
  }
  return all
}

function posted(alert: GroupAlert, validUntil: number) {
  const { labels, annotations, startsAt, endsAt, generatorURL } = alert
  return {
    annotations: Object.keys(annotations).length > 0 ? mapOf(annotations) : undefined,
    endsAt: isoTime(endsAt ?? validUntil),
    startsAt: isoTime(startsAt),
    generatorURL: generatorURL || undefined,
    labels: mapOf(labels),
  }
}

import type { ServerResponse } from 'node:http'
import type { Clock } from '../../pipeline/clock.ts'
import { startChunks } from './go-http.ts'
import { hasLabel, readFilters, timestamp, type Filters } from './query.ts'
import type { DockerEvent, DockerModel } from './model.ts'
import { words } from '../words.ts'

/** Only containers have events here; the others are known. */
const known = words(`
  config container daemon event image label network node plugin scope secret service type volume
`)

/**
 * `/events?since&until&filters`: what is remembered, if a time was given, then what comes, until `until` or until the
 * client goes. Throws a `Refusal` before it sends anything.
 */
export function streamEvents(
  model: DockerModel,
  query: URLSearchParams,
  response: ServerResponse,
  clock: Clock,
): void {
  const filters = readFilters(query, known)
  const since = timestamp(query, 'since')
  const until = timestamp(query, 'until')
  const wanted = (event: DockerEvent) => matches(event, filters)

  startChunks(response, { type: 'application/json', clock })
  if (since !== undefined || until !== undefined) {
    for (const event of model.events()) {
      const within = event.timeNs >= (since ?? 0n) && (until === undefined || event.timeNs <= until)
      if (within && wanted(event)) response.write(eventLine(event))
    }
  }
  const end = model.onEvent((event) => {
    if (wanted(event)) response.write(eventLine(event))
  })
  const timer = until === undefined ? undefined : endAt(response, until, clock)
  response.on('close', () => {
    clearTimeout(timer)
    end()
  })
}

/** A time that has passed is now. */
function endAt(response: ServerResponse, until: bigint, clock: Clock): NodeJS.Timeout {
  const leftMs = Number(until / 1_000_000n) - clock.now()
  const longestMs = 2 ** 31 - 1
  return setTimeout(() => response.end(), Math.min(Math.max(0, leftMs), longestMs))
}

function matches({ action, id, image, attributes }: DockerEvent, filters: Filters): boolean {
  const { name = '' } = attributes
  const isOf = (wanted: string) => id.startsWith(wanted) || name.startsWith(wanted)
  return (
    filters.match('type', (wanted) => wanted === 'container') &&
    filters.match('scope', (wanted) => wanted === 'local') &&
    filters.match('event', (wanted) => wanted === action) &&
    filters.match('container', isOf) &&
    filters.match('image', (wanted) => image === wanted || image.split(':')[0] === wanted) &&
    filters.matchAll('label', (wanted) => hasLabel(attributes, wanted))
  )
}

/** One line; its time in ns is beyond 2^53 and exact. */
function eventLine({ action, id, image, attributes, timeNs }: DockerEvent): string {
  const sorted = Object.entries(attributes).toSorted(([a], [b]) => (a < b ? -1 : 1))
  const event = {
    status: action,
    id,
    from: image,
    Type: 'container',
    Action: action,
    Actor: { ID: id, Attributes: Object.fromEntries(sorted) },
    scope: 'local',
    time: Number(timeNs / 1_000_000_000n),
  }
  return `${JSON.stringify(event).slice(0, -1)},"timeNano":${timeNs}}\n`
}

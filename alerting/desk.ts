import { randomUUID } from 'node:crypto'
import { askFor } from '../pipeline/asked.ts'
import type { Bus, BusRecord } from '../pipeline/bus/bus.ts'
import type { Clock } from '../pipeline/clock.ts'
import { Trouble } from '../pipeline/errors.ts'
import { flagsOf, operatorOf } from '../pipeline/matcher-operator.ts'
import type {
  DeskAlert,
  DeskGroup,
  DeskMatcher,
  DeskSilence,
  NotificationDesk,
  PostedAlert,
  SilenceRequest as DeskRequested,
} from '../pipeline/notification-desk.ts'
import { hasFired, ownAlert } from './own-alerts.ts'
import {
  decodeSome,
  heldKey,
  postedKey,
  silenceKey,
  stateKey,
  testKey,
  type TestRecord,
} from './records.ts'
import { encodeRequest, type DeskRequest } from './requests.ts'
import { ingest } from './stages/alerts.ts'
import { maskedConfig, type StagesConfig } from './stages/config.ts'
import { createDispatcher, type AlertStatus, type Dispatcher } from './stages/dispatch.ts'
import { createLease } from './stages/lease.ts'
import { labelsText } from './stages/labels.ts'
import type { MatcherText } from './stages/matcher.ts'
import { groupLabelsOf, routesOf } from './stages/routes.ts'
import {
  createSilences,
  silenceState,
  type Silence,
  type SilenceRequest,
} from './stages/silences.ts'

export interface DeskOptions {
  bus: Pick<Bus, 'produce'>
  /** What stands on the topic `alerts`. */
  latest: () => ReadonlyMap<string, BusRecord>
  config: () => StagesConfig
  /** Names of the ways that no receiver has: `mail`. */
  direct: () => readonly string[]
  /** The file's text. */
  configText: () => string
  publicUrl: () => string | undefined
  clock: Clock
  /** How long to wait for who notifies, ms; 10 s unless set. */
  patienceMs?: number
}

/** A receiver may take its time to answer, ms. */
const testPatienceMs = 25_000
/** What is shown may be this old, ms: of ten thousand alerts it takes a while to make. */
const freshMs = 500
/** Of the alerts of one request, as JSON: Kafka takes records of a megabyte at most. */
const maxCharacters = 150_000

/**
 * What is told, silenced and inhibited, for any process: made of what stands on the bus, by the code that decides it. What
 * is asked for goes to the process that notifies, by the topic `requests`, and holds when that has written it down.
 */
export function openDesk(options: DeskOptions): NotificationDesk {
  const { bus, latest, config, clock, patienceMs = 10_000 } = options
  let made: { at: number; dispatcher: Dispatcher } | undefined

  /** A dispatcher that sends nothing. */
  function replica(): Dispatcher {
    const now = clock.now()
    if (made && now - made.at < freshMs && now >= made.at) return made.dispatcher
    const { states, posted, silences, held } = decodeSome(
      latest(),
      stateKey(''),
      postedKey(''),
      silenceKey(''),
      heldKey,
    )
    const empty = { routes: '', alerts: [], groups: [], log: [], sends: 0 }
    const restored = { ...empty, at: now, silences, nextCare: Infinity }
    const lease = createLease({}, held?.lease)
    const dispatcher = createDispatcher(config(), now, restored, { held: lease.heldBy })
    // One of our own fires until it is told to be over: to others it is one that is posted again and again.
    const latestEnd = now + config().resolveTimeout
    const own = states
      .filter(hasFired)
      .map((state) => ownAlert(state, options.publicUrl()))
      .map((alert) => ({ ...alert, endsAt: Math.min(alert.endsAt ?? latestEnd, latestEnd) }))
    dispatcher.post([...own, ...posted], now)
    made = { at: now, dispatcher }
    return dispatcher
  }

  const alerts = () =>
    replica()
      .status(clock.now())
      .map((one) => deskAlert(one, config()))

  const silenceNow = (id: string): Silence | undefined => {
    const record = latest().get(silenceKey(id))
    return record && (JSON.parse(Buffer.from(record.value).toString('utf8')) as Silence)
  }

  async function ask(
    request: DeskRequest,
    holds: () => boolean,
    waitMs = patienceMs,
  ): Promise<void> {
    await askFor(encodeRequest(request), { bus, holds, waitMs, role: 'alerting' })
    made = undefined
  }

  return {
    config: () => maskedConfig(options.configText()),
    receivers: () => [...config().receivers.keys()],
    alerts,
    groups: () => groupsOf(alerts(), config()),
    silences: () =>
      decodeSome(latest(), silenceKey('')).silences.map((silence) =>
        deskSilence(silence, clock.now()),
      ),
    async post(given) {
      const now = clock.now()
      const refused: { index: number; sentence: string }[] = []
      const good: PostedAlert[] = []
      for (const [index, alert] of given.entries()) {
        try {
          ingest(alert, now, config().resolveTimeout)
          good.push(alert)
        } catch (error) {
          refused.push({ index, sentence: (error as Error).message })
        }
      }
      const records = batches(good).map((alerts) =>
        encodeRequest({ kind: 'post', alerts, atMs: now }),
      )
      if (records.length > 0) await bus.produce('requests', records)
      made = undefined
      return refused
    },
    async setSilence(asked) {
      const silence = requestOf(asked)
      const now = clock.now()
      const newId = randomUUID()
      // Refused here, where somebody waits for the answer.
      const trial = createSilences(decodeSome(latest(), silenceKey('')).silences)
      const id = trial.set(silence, now, newId)
      const wanted = trial.list().find((one) => one.id === id)
      const before = silenceNow(id)
      await ask({ kind: 'silence', id: newId, silence, atMs: now }, () => {
        const held = silenceNow(id)
        // Its clock may be behind ours.
        return held?.endsAt === wanted?.endsAt && held?.updatedAt !== before?.updatedAt
      })
      return id
    },
    async expireSilence(id) {
      const known = silenceNow(id)
      if (!known) return false
      const isOver = () => {
        const held = silenceNow(id)
        return !held || silenceState(held, clock.now()) === 'expired'
      }
      if (!isOver()) await ask({ kind: 'expire', id, atMs: clock.now() }, isOver)
      return true
    },
    async test(receiver) {
      const known = [...config().receivers.keys(), ...options.direct()]
      if (receiver !== undefined && !known.includes(receiver)) {
        throw new Trouble(`there is no receiver ${receiver}`, {
          remedy: `receivers are ${known.join(', ') || '(none)'}`,
        })
      }
      const id = randomUUID()
      const record = () => latest().get(testKey(id))
      const request = { kind: 'test' as const, id, atMs: clock.now() }
      const named = receiver === undefined ? {} : { receiver }
      await ask({ ...request, ...named }, () => record() !== undefined, testPatienceMs)
      const { value } = record() as BusRecord
      return (JSON.parse(Buffer.from(value).toString('utf8')) as TestRecord).results
    },
  }
}

/** In their order. */
function batches(alerts: readonly PostedAlert[]): PostedAlert[][] {
  const all: PostedAlert[][] = []
  let characters = 0
  for (const alert of alerts) {
    const own = JSON.stringify(alert).length
    const last = all.at(-1)
    characters += own
    if (last && characters <= maxCharacters) last.push(alert)
    else {
      all.push([alert])
      characters = own
    }
  }
  return all
}

export function deskAlert(
  { alert, state, silencedBy, inhibitedBy, mutedBy }: AlertStatus,
  { route }: StagesConfig,
): DeskAlert {
  const { labels, annotations, startsAt, endsAt, updatedAt, generatorURL, fingerprint } = alert
  return {
    labels,
    annotations,
    startsAt,
    endsAt,
    updatedAt,
    generatorURL,
    fingerprint,
    receivers: [...new Set(routesOf(route, labels).map(({ receiver }) => receiver))],
    state,
    silencedBy,
    inhibitedBy: inhibitedBy === undefined ? [] : [inhibitedBy],
    mutedBy: mutedBy === undefined ? [] : [mutedBy],
  }
}

export function groupsOf(alerts: readonly DeskAlert[], { route }: StagesConfig): DeskGroup[] {
  const groups = new Map<string, DeskGroup>()
  for (const alert of alerts) {
    for (const one of routesOf(route, alert.labels)) {
      const labels = groupLabelsOf(one, alert.labels)
      const key = `${one.id} ${labelsText(labels)}`
      const { receiver, labels: routeLabels } = one
      const group = groups.get(key) ?? { labels, routeLabels, receiver, alerts: [] }
      groups.set(key, group)
      group.alerts.push(alert)
    }
  }
  return [...groups.entries()].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, group]) => group)
}

export function deskSilence({ matchers, ...silence }: Silence, now: number): DeskSilence {
  return {
    ...silence,
    matchers: matchers.map(deskMatcher),
    state: silenceState({ ...silence, matchers }, now),
  }
}

const deskMatcher = ({ name, op, value }: MatcherText): DeskMatcher => ({
  name,
  value,
  ...flagsOf(op),
})

export function requestOf({ matchers, ...request }: DeskRequested): SilenceRequest {
  return {
    ...request,
    matchers: matchers.map(({ name, value, ...flags }) => ({ name, value, op: operatorOf(flags) })),
  }
}

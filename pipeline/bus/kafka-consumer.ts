import { pause } from '../clock.ts'
import type { Batch, BusRecord, Consumer, ConsumerOptions } from './bus.ts'
import { openCommits } from './commits.ts'
import type { KafkaClient } from './kafka-client.ts'
import { openMember, type Member } from './kafka-member.ts'
import { openPoller, type Poller } from './kafka-poller.ts'

export interface KafkaConsumerOptions extends ConsumerOptions {
  client: KafkaClient
  /** Kafka's names. */
  names: { group: string; topic: string }
  partitions: number
  sessionTimeoutMs: number
  committed: () => Promise<Map<number, number>>
}

interface Loop {
  stop: AbortController
  done: Promise<void>
}

const defaultMaxBytes = 4 * 2 ** 20
const retryMs = { first: 100, most: 10_000 }
/** Who gives a partition up tries so long to commit where it was, ms. */
const lastCommitMs = 5000

/** One member of a group: a loop for each partition it has. */
export function openKafkaConsumer(options: KafkaConsumerOptions): Consumer {
  const { client, topic, names, onRevoked } = options
  const coordination = client.openCluster()
  const fetching = client.openCluster()
  const poller = openPoller(fetching)
  const loops = new Map<number, Loop>()
  let isClosing = false
  /** Changes of what it has, one after the other. */
  let changing: Promise<void> = Promise.resolve()
  let member: Member | undefined

  /** Something has failed that concerned no batch: no handler will succeed after it, if nothing comes. */
  let isTroubled = false

  const onFailure = (error: unknown, batch: Batch = emptyBatch(options)) => {
    if (batch.records.length === 0) isTroubled = true
    options.onFailure?.(error, batch)
  }

  function recovered(): void {
    if (isTroubled) options.onRecovered?.()
    isTroubled = false
  }

  function inTurn(action: () => Promise<void>): Promise<void> {
    changing = changing.then(action).catch(onFailure)
    return changing
  }

  async function giveUp(lost: number[]): Promise<void> {
    if (lost.length === 0) return
    const ending = lost.flatMap((partition) => loops.get(partition) ?? [])
    for (const { stop } of ending) stop.abort()
    await Promise.all(ending.map(({ done }) => done))
    for (const partition of lost) loops.delete(partition)
    try {
      onRevoked?.(lost)
    } catch (error) {
      onFailure(error)
    }
  }

  function onAssigned(partitions: number[]): Promise<void> {
    return inTurn(async () => {
      await giveUp([...loops.keys()].filter((partition) => !partitions.includes(partition)))
      const gained = partitions.filter((partition) => !loops.has(partition))
      if (gained.length > 0 && !isClosing) startLoops(gained)
      // Without a partition there is nothing whose reading could go on.
      if (loops.size === 0) recovered()
    })
  }

  /** Does not wait until the positions are known: that may fail, and is tried until it works. */
  function startLoops(gained: number[]): void {
    const stops = new Map(gained.map((partition) => [partition, new AbortController()]))
    const wanted = () => gained.filter((partition) => !stops.get(partition)?.signal.aborted)
    const starts = findStarts(wanted)
    for (const [partition, stop] of stops) {
      const done = starts.then((positions) =>
        run(partition, positions.get(partition) ?? 0, stop.signal),
      )
      loops.set(partition, { stop, done })
    }
  }

  async function findStarts(wanted: () => number[]): Promise<Map<number, number>> {
    for (let waitMs = retryMs.first; wanted().length > 0; waitMs = longer(waitMs)) {
      try {
        const own = await options.onAssigned?.(wanted())
        return new Map([...(await options.committed()), ...(own ?? [])])
      } catch (error) {
        onFailure(error)
        await pause(waitMs)
      }
    }
    return new Map()
  }

  async function run(partition: number, start: number, signal: AbortSignal): Promise<void> {
    const { maxBytes = defaultMaxBytes, onBatch } = options
    const commits = openCommits({
      commit: ({ next }) => commit(partition, next, signal),
      onBatch,
      onFailure,
      retryMs,
      signal,
    })
    const place = { topic: names.topic, partition }
    const next = openReader(poller, { ...place, maxBytes })
    let position = start
    let failed: Batch | undefined
    let waitMs = retryMs.first
    const onAnswer = () => {
      recovered()
      waitMs = retryMs.first
    }
    while (!signal.aborted) {
      let batch = failed
      try {
        const read = batch ?? (await next(position, signal, onAnswer))
        if (!read) break
        batch = { ...read, topic, partition }
        failed = batch
        const held = batch.records.length > 0 ? await onBatch(batch) : undefined
        await commits.handled(batch, held)
        position = batch.next
        failed = undefined
        waitMs = retryMs.first
      } catch (error) {
        if (signal.aborted && !batch) break
        onFailure(error, batch ?? { ...emptyBatch(options), partition })
        await pause(waitMs, signal)
        waitMs = longer(waitMs)
      }
    }
    await commits.end()
  }

  /**
   * The handler is not called again for a position that could not be committed: between two rounds of the group that is
   * often so. Who gives the partition up tries for some seconds; without success the next owner begins before.
   */
  async function commit(partition: number, position: number, signal: AbortSignal): Promise<void> {
    let leftMs = lastCommitMs
    for (let waitMs = 50; ; waitMs = Math.min(waitMs * 2, 1000)) {
      try {
        return await member?.commit(new Map([[partition, position]]))
      } catch (error) {
        if (signal.aborted && (leftMs -= waitMs) < 0) return onFailure(error)
        // A round is over sooner than that.
        if (waitMs >= 1000) onFailure(error)
      }
      await pause(waitMs)
    }
  }

  async function open(): Promise<void> {
    for (let waitMs = retryMs.first; !isClosing; waitMs = longer(waitMs)) {
      try {
        await coordination.connect()
        await fetching.connect()
        await fetching.addMultipleTargetTopics([names.topic])
        break
      } catch (error) {
        onFailure(error)
        await pause(waitMs)
      }
    }
    if (isClosing) return
    member = openMember({
      cluster: coordination,
      commits: fetching,
      group: names.group,
      topic: names.topic,
      partitions: options.partitions,
      sessionTimeoutMs: options.sessionTimeoutMs,
      owned: () => [...loops.keys()],
      onAssigned,
      onLost: () => inTurn(() => giveUp([...loops.keys()])),
      onFailure,
    })
  }

  const opened = open()
  let closing: Promise<void> | undefined

  async function close(): Promise<void> {
    isClosing = true
    await opened
    await inTurn(() => giveUp([...loops.keys()]))
    await member?.leave()
    await inTurn(() => giveUp([...loops.keys()]))
    await Promise.all([coordination.disconnect(), fetching.disconnect()])
  }

  return { close: () => (closing ??= close()) }
}

/** Reads a partition on: fetched records that are beyond `maxBytes` are the next batch. */
function openReader(
  poller: Poller,
  { maxBytes, ...place }: { topic: string; partition: number; maxBytes: number },
) {
  let ahead: BusRecord[] = []
  let end = 0
  return async (position: number, signal: AbortSignal, onAnswer: () => void) => {
    let offset = position
    if (ahead[0]?.offset !== position) ahead = ahead.filter((one) => one.offset >= position)
    while (ahead.length === 0) {
      const fetched = await poller.next({ ...place, offset, maxBytes }, signal, onAnswer)
      if (!fetched) return undefined
      ahead = fetched.records
      end = fetched.end
      offset = fetched.next
      // Nothing but a stretch without records: what comes behind it is the next batch.
    }
    const records = cutTo(ahead, maxBytes)
    ahead = ahead.slice(records.length)
    const next = (records.at(-1)?.offset ?? offset - 1) + 1
    return { records, from: records[0]?.offset ?? offset, next, end: Math.max(end, next) }
  }
}

/** As many as fit, and at least one. */
export function cutTo(records: readonly BusRecord[], maxBytes: number): BusRecord[] {
  let size = 0
  const cut = records.findIndex(({ key, value }, i) => {
    size += value.length + key.length
    return size > maxBytes && i > 0
  })
  return cut < 0 ? [...records] : records.slice(0, cut)
}

function longer(ms: number): number {
  return Math.min(ms * 2, retryMs.most)
}

function emptyBatch({ topic }: Pick<ConsumerOptions, 'topic'>): Batch {
  return { topic, partition: 0, records: [], from: 0, next: 0, end: 0 }
}

import { pause } from '../clock.ts'
import { Trouble } from '../errors.ts'
import type { Batch, Consumer, ConsumerOptions, Topic } from './bus.ts'
import { openCommits } from './commits.ts'

interface GroupsOptions {
  partitions(topic: Topic): number
  read(topic: Topic, partition: number, offset: number, maxBytes: number): Promise<Batch>
  committed(group: string, topic: Topic): Promise<Map<number, number>>
  commit(position: Position): Promise<void>
}

export interface Position {
  group: string
  topic: Topic
  partition: number
  position: number
}

interface Member {
  options: ConsumerOptions
  /** The partitions it has now. */
  loops: Map<number, Loop>
  left: boolean
}

interface Loop {
  /** Resolves when the batch under way is done with. */
  stop(): Promise<void>
}

interface Group {
  topic: Topic
  members: Member[]
  /** Joins and leaves are carried out one after the other. */
  changing: Promise<void>
}

const defaultMaxBytes = 4 * 2 ** 20
const retryMs = { first: 100, most: 10_000 }

/** Consumer groups inside one process: the partitions of a topic are shared among the members that joined. */
export function openGroups(bus: GroupsOptions) {
  const groups = new Map<string, Group>()
  const bell = openBell()
  let closed = false

  function rebalance(group: Group): Promise<void> {
    group.changing = group.changing.then(() => assign(group))
    return group.changing
  }

  /** First everything is given up, also by those who leave, so that no partition has two owners at any time. */
  async function assign(group: Group): Promise<void> {
    const leaving = group.members.filter(({ left }) => left)
    const staying = group.members.filter(({ left }) => !left)
    const ownerOf = (partition: number) => staying[partition % staying.length]
    await Promise.all(group.members.map((member) => stopLoops(member, ownerOf)))
    group.members = group.members.filter((member) => !leaving.includes(member))
    const all = Array.from({ length: bus.partitions(group.topic) }, (_, partition) => partition)
    for (const member of staying) {
      const gained = all.filter((p) => ownerOf(p) === member && !member.loops.has(p))
      if (gained.length > 0) startLoops(member, gained)
    }
  }

  /** Does not wait until the member knows its positions: that may fail, and is tried until it works. */
  function startLoops({ options, loops }: Member, partitions: number[]): void {
    const stops = new Map(partitions.map((partition) => [partition, new AbortController()]))
    const wanted = () => partitions.filter((partition) => !stops.get(partition)?.signal.aborted)
    const unwanted = new AbortController()
    const starts = findStarts(options, wanted, unwanted.signal)
    for (const [partition, { signal }] of stops) {
      const done = starts.then((positions) =>
        readForever(options, partition, positions.get(partition) ?? 0, signal),
      )
      loops.set(partition, {
        async stop() {
          stops.get(partition)?.abort()
          if (wanted().length === 0) unwanted.abort()
          bell.ring(options.topic, partition)
          await done
        },
      })
    }
  }

  async function findStarts(
    options: ConsumerOptions,
    wanted: () => number[],
    unwanted: AbortSignal,
  ): Promise<Map<number, number>> {
    for (let waitMs = retryMs.first; !unwanted.aborted; waitMs = longer(waitMs)) {
      try {
        return await startsOf(options, wanted())
      } catch (error) {
        options.onFailure?.(error, emptyBatch(options.topic))
        await pause(waitMs, unwanted)
      }
    }
    return new Map()
  }

  /** A group's start is committed at once: from then on nothing it has yet to read may be trimmed away. */
  async function startsOf({ group, topic, onAssigned }: ConsumerOptions, partitions: number[]) {
    const own = await onAssigned?.(partitions)
    const committed = await bus.committed(group, topic)
    const starts = partitions.map((partition) => ({
      partition,
      position: own?.get(partition) ?? committed.get(partition) ?? 0,
    }))
    const moved = starts.filter(({ partition, position }) => position !== committed.get(partition))
    await Promise.all(moved.map((start) => bus.commit({ group, topic, ...start })))
    return new Map(starts.map(({ partition, position }) => [partition, position]))
  }

  async function readForever(
    options: ConsumerOptions,
    partition: number,
    start: number,
    signal: AbortSignal,
  ): Promise<void> {
    const { group, topic, maxBytes = defaultMaxBytes, onBatch, onFailure } = options
    const commits = openCommits({
      commit: ({ next }) => bus.commit({ group, topic, partition, position: next }),
      onBatch,
      onFailure,
      retryMs,
      signal,
    })
    let position = start
    let failed: Batch | undefined
    let waitMs = retryMs.first
    while (!signal.aborted) {
      const rung = bell.listen(topic, partition)
      let batch = failed
      try {
        batch ??= await bus.read(topic, partition, position, maxBytes)
        position = batch.next
        if (batch.records.length === 0) {
          await rung
          continue
        }
        failed = batch
        await commits.handled(batch, await onBatch(batch))
        failed = undefined
        waitMs = retryMs.first
      } catch (error) {
        onFailure?.(error, batch ?? { ...emptyBatch(topic), partition })
        await pause(waitMs, signal)
        waitMs = longer(waitMs)
      }
    }
    await commits.end()
  }

  return {
    join(options: ConsumerOptions): Consumer {
      if (closed) throw new Trouble(`the bus is closed: ${options.group} cannot read it`)
      const { topic } = options
      const key = `${options.group}\n${topic}`
      const group = groups.get(key) ?? { topic, members: [], changing: Promise.resolve() }
      groups.set(key, group)
      const member: Member = { options, loops: new Map(), left: false }
      group.members.push(member)
      void rebalance(group)
      let leaving: Promise<void> | undefined
      return {
        close() {
          member.left = true
          return (leaving ??= rebalance(group))
        },
      }
    },
    wake: (topic: Topic, partition: number) => bell.ring(topic, partition),
    async close() {
      closed = true
      for (const { members } of groups.values()) for (const member of members) member.left = true
      await Promise.all([...groups.values()].map(rebalance))
      groups.clear()
    },
  }
}

async function stopLoops(
  member: Member,
  ownerOf: (partition: number) => Member | undefined,
): Promise<void> {
  const lost = [...member.loops].filter(([partition]) => ownerOf(partition) !== member)
  if (lost.length === 0) return
  await Promise.all(lost.map(([, loop]) => loop.stop()))
  for (const [partition] of lost) member.loops.delete(partition)
  try {
    member.options.onRevoked?.(lost.map(([partition]) => partition))
  } catch (error) {
    // The others must get the partitions all the same.
    member.options.onFailure?.(error, emptyBatch(member.options.topic))
  }
}

function longer(ms: number): number {
  return Math.min(ms * 2, retryMs.most)
}

function emptyBatch(topic: Topic): Batch {
  return { topic, partition: 0, records: [], from: 0, next: 0, end: 0 }
}

/** Wakes the loops that wait for a partition. Listening before reading makes sure that no ring is missed. */
function openBell() {
  const waiting = new Map<string, PromiseWithResolvers<void>>()
  const key = (topic: Topic, partition: number) => `${topic}/${partition}`
  return {
    listen(topic: Topic, partition: number): Promise<void> {
      const name = key(topic, partition)
      const ring = waiting.get(name) ?? Promise.withResolvers<void>()
      waiting.set(name, ring)
      return ring.promise
    },
    ring(topic: Topic, partition: number): void {
      const name = key(topic, partition)
      waiting.get(name)?.resolve()
      waiting.delete(name)
    },
  }
}

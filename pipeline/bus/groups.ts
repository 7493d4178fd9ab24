import { pause } from '../clock.ts'
import type { Batch, Consumer, ConsumerOptions, Topic } from './bus.ts'

interface GroupsOptions {
  partitions(topic: Topic): number
  read(topic: Topic, partition: number, offset: number, maxBytes: number): Promise<Batch>
  committed(group: string, topic: Topic): Promise<Map<number, number>>
  commit(position: {
    group: string
    topic: Topic
    partition: number
    position: number
  }): Promise<void>
}

interface Member {
  options: ConsumerOptions
  loops: Map<number, { stop(): Promise<void> }>
}

const defaultMaxBytes = 4 * 2 ** 20
const firstRetryMs = 100
const lastRetryMs = 10_000

/** Consumer groups inside one process: the partitions of a topic are shared among the members that joined. */
export function openGroups(bus: GroupsOptions) {
  const groups = new Map<string, { members: Member[]; rebalancing: Promise<void> }>()
  const bell = openBell()

  function rebalance(key: string): Promise<void> {
    const group = groups.get(key)
    if (!group) return Promise.resolve()
    group.rebalancing = group.rebalancing.then(() => assign(group.members))
    return group.rebalancing
  }

  async function assign(members: Member[]): Promise<void> {
    const topic = members[0]?.options.topic
    if (!topic) return
    const wanted = new Map(members.map((member) => [member, new Set<number>()]))
    for (let p = 0; p < bus.partitions(topic); p++)
      wanted.get(members[p % members.length] as Member)?.add(p)
    // First everything is given up, so that no partition has two owners at any time.
    for (const [member, share] of wanted) {
      const lost = [...member.loops.keys()].filter((partition) => !share.has(partition))
      await stopLoops(member, lost)
    }
    for (const [member, share] of wanted) {
      await startLoops(
        member,
        [...share].filter((partition) => !member.loops.has(partition)),
      )
    }
  }

  async function startLoops(member: Member, partitions: number[]): Promise<void> {
    if (partitions.length === 0) return
    const { group, topic, onAssigned } = member.options
    const own = await onAssigned?.(partitions)
    const committed = await bus.committed(group, topic)
    for (const partition of partitions) {
      const start = own?.get(partition) ?? committed.get(partition) ?? 0
      member.loops.set(partition, startLoop(member.options, partition, start))
    }
  }

  function startLoop(options: ConsumerOptions, partition: number, start: number) {
    const stop = new AbortController()
    const done = readForever(options, partition, start, stop.signal)
    return {
      async stop() {
        stop.abort()
        bell.ring(options.topic, partition)
        await done
      },
    }
  }

  async function readForever(
    options: ConsumerOptions,
    partition: number,
    start: number,
    signal: AbortSignal,
  ) {
    const { group, topic, maxBytes = defaultMaxBytes, onBatch, onFailure } = options
    let position = start
    let retryMs = firstRetryMs
    while (!signal.aborted) {
      const rung = bell.listen(topic, partition)
      let batch: Batch = {
        topic,
        partition,
        records: [],
        from: position,
        next: position,
        end: position,
      }
      try {
        batch = await bus.read(topic, partition, position, maxBytes)
        if (batch.records.length === 0) {
          await rung
          continue
        }
        await onBatch(batch)
        await bus.commit({ group, topic, partition, position: batch.next })
        position = batch.next
        retryMs = firstRetryMs
      } catch (error) {
        onFailure?.(error, batch)
        await pause(retryMs, signal)
        retryMs = Math.min(retryMs * 2, lastRetryMs)
      }
    }
  }

  return {
    join(options: ConsumerOptions): Consumer {
      const key = `${options.group}\n${options.topic}`
      const group = groups.get(key) ?? { members: [], rebalancing: Promise.resolve() }
      groups.set(key, group)
      const member: Member = { options, loops: new Map() }
      group.members.push(member)
      void rebalance(key).catch((error: unknown) =>
        options.onFailure?.(error, emptyBatch(options.topic)),
      )
      return {
        async close() {
          group.members = group.members.filter((other) => other !== member)
          await group.rebalancing.catch(() => {})
          await stopLoops(member, [...member.loops.keys()])
          await rebalance(key).catch(() => {})
        },
      }
    },
    wake: (topic: Topic, partition: number) => bell.ring(topic, partition),
    async close() {
      for (const { members } of groups.values()) {
        for (const member of members) await stopLoops(member, [...member.loops.keys()])
      }
      groups.clear()
    },
  }
}

async function stopLoops(member: Member, partitions: number[]): Promise<void> {
  await Promise.all(partitions.map(async (partition) => member.loops.get(partition)?.stop()))
  for (const partition of partitions) member.loops.delete(partition)
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

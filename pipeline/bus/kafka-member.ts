import { pause } from '../clock.ts'
import { assign, type AssignMember } from './kafka-assign.ts'
import {
  AssignerProtocol,
  typeOf,
  type KafkaBroker,
  type KafkaCluster,
  type KafkaError,
} from './kafka-client.ts'

/*
 * A member of a consumer group, by Kafka's own protocol (JoinGroup, SyncGroup, Heartbeat, as of KIP-62), with the assignment of
 * `kafka-assign.ts`. Heartbeats do not wait for handlers: a store that is away for an hour throws nobody out.
 */

export interface MemberOptions {
  /** Only for this: who waits for the others in a round holds up all that comes on the same connection. */
  cluster: KafkaCluster
  /** Where positions are committed: these do not wait for a round. */
  commits: KafkaCluster
  group: string
  /** Kafka's name. */
  topic: string
  partitions: number
  /** Without a heartbeat for so long a member has lost its partitions, ms. */
  sessionTimeoutMs: number
  /** Who has these partitions now. */
  owned: () => number[]
  /** To have these, and no others: gives up the rest and resolves when that is done; starts on what is new. */
  onAssigned: (partitions: number[]) => Promise<void>
  /** The group goes on without this member: others may have all of its partitions. */
  onLost: () => Promise<void>
  /** Told of each failure; it goes on after a pause. */
  onFailure: (error: unknown) => void
}

export interface Member {
  /** Commits positions of partitions that this member has. Rejects where the group has gone on without it. */
  commit(positions: ReadonlyMap<number, number>): Promise<void>
  /** Leaves the group, so that others need not wait for the session to end. */
  leave(): Promise<void>
}

const retryMs = { first: 100, most: 5000 }
/** The others wait so long for one who does not come to the next round. */
const rebalanceTimeoutMs = 60_000
/** Of our assignment; another version must not share a group with it. */
const protocol = 'mesoscope-1'

interface Membership {
  broker: KafkaBroker
  memberId: string
  generation: number
}

/** Joins, and stays until it leaves. */
export function openMember(options: MemberOptions): Member {
  const { cluster, group, topic, sessionTimeoutMs, onFailure } = options
  const leaving = new AbortController()
  let membership: Membership | undefined
  let memberId = ''
  let again: (() => void) | undefined

  async function live(): Promise<void> {
    for (let waitMs = retryMs.first; !leaving.signal.aborted;) {
      try {
        await takePart()
        waitMs = retryMs.first
      } catch (error) {
        membership = undefined
        if (hasLost(error)) {
          memberId = ''
          await options.onLost()
        } else if (!isRound(error)) onFailure(error)
        await pause(isRound(error) ? retryMs.first : waitMs, leaving.signal)
        waitMs = Math.min(waitMs * 2, retryMs.most)
      }
    }
  }

  /** One round: joins, learns its partitions, and keeps them until the next. */
  async function takePart(): Promise<void> {
    const broker = await cluster.findGroupCoordinator({ groupId: group })
    const owned = options.owned()
    const joined = await join(broker, owned)
    memberId = joined.memberId
    const { generationId: generation, leaderId, members } = joined
    const groupAssignment = leaderId === memberId ? divide(members) : []
    const { memberAssignment } = await broker.syncGroup({
      groupId: group,
      generationId: generation,
      memberId,
      groupAssignment,
    })
    membership = { broker, memberId, generation }
    const partitions = decodeAssignment(memberAssignment, topic)
    const isGivingUp = owned.some((partition) => !partitions.includes(partition))
    await Promise.race([beating(membership), settled(partitions, isGivingUp)])
  }

  /** Who gives something up calls for the next round, in which others are given it. */
  async function settled(partitions: number[], isGivingUp: boolean): Promise<void> {
    await options.onAssigned(partitions)
    if (isGivingUp) return
    await new Promise<void>((resolve) => {
      again = resolve
      leaving.signal.addEventListener('abort', () => resolve(), { once: true })
    })
  }

  /** Until the group calls for another round, or somebody does here. */
  async function beating({ broker, generation }: Membership): Promise<void> {
    const mine = membership
    while (!leaving.signal.aborted && membership === mine) {
      await pause(sessionTimeoutMs / 10, leaving.signal)
      if (leaving.signal.aborted || membership !== mine) return
      try {
        await broker.heartbeat({ groupId: group, groupGenerationId: generation, memberId })
      } catch (error) {
        if (typeOf(error) === 'REBALANCE_IN_PROGRESS') return
        throw error
      }
    }
  }

  async function join(broker: KafkaBroker, owned: number[]) {
    const userData = Buffer.from(JSON.stringify({ owned }))
    const metadata = AssignerProtocol.MemberMetadata.encode({
      version: 1,
      topics: [topic],
      userData,
    })
    const ask = (id: string) =>
      broker.joinGroup({
        groupId: group,
        sessionTimeout: sessionTimeoutMs,
        rebalanceTimeout: rebalanceTimeoutMs,
        memberId: id,
        protocolType: 'consumer',
        groupProtocols: [{ name: protocol, metadata }],
      })
    try {
      return await ask(memberId)
    } catch (error) {
      // Kafka gives the id first, so that one who comes twice is no second member (KIP-394).
      const { memberId: given } = error as KafkaError
      if (typeOf(error) !== 'MEMBER_ID_REQUIRED' || given === undefined) throw error
      return ask(given)
    }
  }

  function divide(members: { memberId: string; memberMetadata: Buffer }[]) {
    const known: AssignMember[] = members.map(({ memberId: id, memberMetadata }) => ({
      id,
      owned: decodeOwned(memberMetadata),
    }))
    return [...assign(known, options.partitions)].map(([id, partitions]) => ({
      memberId: id,
      memberAssignment: AssignerProtocol.MemberAssignment.encode({
        version: 0,
        assignment: { [topic]: partitions },
        userData: Buffer.alloc(0),
      }),
    }))
  }

  const living = live()
  return {
    async commit(positions) {
      if (!membership)
        throw new Error(`${group} is between two rounds: positions cannot be committed`)
      const { generation } = membership
      const broker = await options.commits.findGroupCoordinator({ groupId: group })
      await broker.offsetCommit({
        groupId: group,
        groupGenerationId: generation,
        memberId,
        topics: [
          {
            topic,
            partitions: [...positions].map(([partition, offset]) => ({
              partition,
              offset: String(offset),
            })),
          },
        ],
      })
    },
    async leave() {
      leaving.abort()
      again?.()
      await living
      const left = membership
      membership = undefined
      await left?.broker.leaveGroup({ groupId: group, memberId }).catch(() => {})
    },
  }
}

/** The others have gone on without this member. */
function hasLost(error: unknown): boolean {
  const type = typeOf(error)
  return (
    type === 'UNKNOWN_MEMBER_ID' || type === 'ILLEGAL_GENERATION' || type === 'FENCED_INSTANCE_ID'
  )
}

/** Another round has begun meanwhile: no failure. */
function isRound(error: unknown): boolean {
  const type = typeOf(error)
  return type === 'REBALANCE_IN_PROGRESS' || type === 'MEMBER_ID_REQUIRED'
}

function decodeOwned(metadata: Buffer): number[] {
  try {
    const { userData } = AssignerProtocol.MemberMetadata.decode(metadata) ?? {}
    const { owned } = JSON.parse(userData?.toString('utf8') ?? '') as { owned?: unknown }
    return Array.isArray(owned) ? owned.filter((one) => Number.isInteger(one)) : []
  } catch {
    return []
  }
}

function decodeAssignment(assignment: Buffer, topic: string): number[] {
  if (assignment.length === 0) return []
  return AssignerProtocol.MemberAssignment.decode(assignment)?.assignment[topic] ?? []
}

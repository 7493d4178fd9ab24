import { pause } from '../../pipeline/clock.ts'
import type { EventsFault, Misbehavior } from '../misbehave.ts'
import type { End } from './acting.ts'
import type { Amount, FaultKind } from './kind.ts'

const nothingToEnd: End = async () => {}
const agentNumber: Amount = { of: 'the number of the agent', usual: 1, min: 1, max: 2 }

function eventsFault(fault: EventsFault, description: string): FaultKind {
  return {
    description,
    seconds: 60,
    slot: 'events',
    async begin({ marathons }) {
      marathons.disturbEvents(fault)
      return async () => marathons.disturbEvents(undefined)
    },
  }
}

function away(of: 'marathons' | 'masters', kind: Misbehavior, description: string): FaultKind {
  return {
    description,
    seconds: 20,
    slot: of,
    async begin(world) {
      world[of].misbehave(kind)
      return async () => world[of].misbehave(undefined)
    },
  }
}

function noLeader(of: 'marathons' | 'masters', description: string): FaultKind {
  return {
    description,
    seconds: 5,
    async begin(world, { seconds }) {
      void world[of].loseLeader(seconds * 1000)
      return nothingToEnd
    },
  }
}

/** The master needs a while to notice; in real clusters 75 s. */
const noticedAfterMs = 3000

/** What becomes of Mesos, Marathon and Docker themselves. */
export const clusterFaults = {
  'events-drop': eventsFault('drop', "Every second of Marathon's events does not arrive."),
  'events-double': eventsFault('double', "Every second of Marathon's events arrives twice."),
  'events-reorder': eventsFault(
    'reorder',
    "Every second of Marathon's events arrives after the next one.",
  ),
  'marathon-away': away('marathons', 'away', 'Nothing listens where Marathon should.'),
  'marathon-html': away('marathons', 'html', 'Marathon answers with a page instead of JSON.'),
  'marathon-503': away('marathons', '503', 'Marathon answers 503.'),
  'marathon-leader': noLeader(
    'marathons',
    'Marathon has no leader for some seconds; then another instance leads.',
  ),
  'mesos-away': away('masters', 'away', 'Nothing listens where the Mesos masters should.'),
  'mesos-html': away('masters', 'html', 'The Mesos masters answer with a page instead of JSON.'),
  'mesos-503': away('masters', '503', 'The Mesos masters answer 503.'),
  'mesos-leader': noLeader(
    'masters',
    'Mesos has no leader for some seconds; then the other master leads.',
  ),
  'docker-away': {
    description:
      "Nothing listens at the socket of an agent's Docker daemon; its containers run on.",
    amount: agentNumber,
    seconds: 20,
    async begin({ agents }, { amount }) {
      const docker = agents[amount - 1]?.docker
      docker?.misbehave('away')
      return async () => docker?.misbehave(undefined)
    },
  },
  'agent-away': {
    description:
      'An agent is cut off: its API does not answer, its tasks become unreachable; they run on.',
    amount: agentNumber,
    seconds: 30,
    async begin({ agents, cluster }, { amount }) {
      const agent = agents[amount - 1]
      if (!agent) return undefined
      const back = new AbortController()
      agent.mesos.misbehave('away')
      const noticed = pause(noticedAfterMs, back.signal).then(() => {
        if (!back.signal.aborted) cluster.setReachable(agent.agentId, false)
      })
      return async () => {
        back.abort()
        await noticed
        agent.mesos.misbehave(undefined)
        cluster.setReachable(agent.agentId, true)
      }
    },
  },
  'offers-scarce': {
    description: 'Mesos offers nothing: whatever should be started has to wait.',
    seconds: 60,
    async begin({ cluster }) {
      cluster.setScarce(true)
      return async () => cluster.setScarce(false)
    },
  },
} satisfies Record<string, FaultKind>

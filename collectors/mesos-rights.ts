/** How much lists showed, and how much there is by figures that rights do not filter. */
export interface Shown {
  agents: number
  tasks: number
  /** Agents that were known before. */
  knownAgents: number
  /** The leading master's own metrics; none where it does not tell them. */
  metrics: Readonly<Record<string, number>>
}

/**
 * Mesos leaves out of its lists what the user may not see, without a word: an empty list may mean missing rights, and must
 * not make all vanish. It is compared with the master's metrics; without these it is believed when it stays empty.
 */
export interface Rights {
  /** Takes what was just read; true if the list of agents can be believed. */
  judge(shown: Shown): boolean
  trouble(): string | undefined
}

/** Metrics are read at other times than lists: only what stays so is said, or without metrics believed. */
const times = 2

export function openRights(): Rights {
  let emptyAgents = 0
  let hiddenTimes = 0
  let hidden: string | undefined

  return {
    judge({ agents, tasks, knownAgents, metrics }) {
      const active = metrics['master/slaves_active']
      const running = metrics['master/tasks_running'] ?? 0
      const hidesAgents = agents === 0 && (active ?? 0) > 0
      const hidesTasks = tasks === 0 && running > 0
      hiddenTimes = hidesAgents || hidesTasks ? hiddenTimes + 1 : 0
      hidden = hidesAgents ? `none of its ${active} agents` : `none of its ${running} running tasks`
      emptyAgents = agents === 0 && knownAgents > 0 ? emptyAgents + 1 : 0
      const isDoubted = emptyAgents > 0 && active === undefined && emptyAgents <= times
      return !hidesAgents && !isDoubted
    },
    trouble() {
      if (hiddenTimes < times) return undefined
      return `the Mesos master shows us ${hidden}: give this user the rights to see them (view_frameworks, view_tasks, view_executors), or name another user`
    },
  }
}

/** Mesos ids of the containers whose logs are read from Docker. */
export interface CollectedContainers {
  add(id: string): void
  has(id: string): boolean
}

/** Also ended ones: of what they printed there are copies for longer. The newest are kept; a host runs fewer. */
const defaultMax = 10_000

export function openCollectedContainers(max = defaultMax): CollectedContainers {
  const ids = new Set<string>()
  return {
    add(id) {
      ids.delete(id)
      ids.add(id)
      if (ids.size > max) ids.delete(ids.values().next().value as string)
    },
    has: (id) => ids.has(id),
  }
}

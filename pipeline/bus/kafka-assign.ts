/** A member of a group, and the partitions it has now. */
export interface AssignMember {
  id: string
  owned: readonly number[]
}

/**
 * Who is to have which of `partitions` partitions: shares differ by one at most, and each member keeps what it has as far as
 * that allows. What another still has is given to nobody yet: its owner gives it up, which calls for the next round. So no
 * partition has two owners, and who keeps its partitions is not interrupted (cooperative rebalancing, as KIP-429 has it).
 */
export function assign(
  members: readonly AssignMember[],
  partitions: number,
): Map<string, number[]> {
  const ids = members.map(({ id }) => id).toSorted()
  const owners = ownersOf(members, partitions)
  const shares = new Map(ids.map((id) => [id, [] as number[]]))
  const least = Math.floor(partitions / ids.length)
  let larger = partitions % ids.length
  const homeless: number[] = []
  for (let partition = 0; partition < partitions; partition++) {
    const share = shares.get(owners.get(partition) ?? '')
    if (!share || share.length > least || (share.length === least && larger === 0)) {
      homeless.push(partition)
      continue
    }
    if (share.length === least) larger--
    share.push(partition)
  }
  for (const partition of homeless) {
    const [, smallest] = [...shares].reduce((a, b) => (b[1].length < a[1].length ? b : a))
    // It counts in the share, and is not given yet where another has it.
    smallest.push(partition)
  }
  return new Map(
    [...shares].map(([id, share]) => [
      id,
      share.filter((partition) => (owners.get(partition) ?? id) === id).toSorted((a, b) => a - b),
    ]),
  )
}

/** Where two say that they have it, neither is believed. */
function ownersOf(members: readonly AssignMember[], partitions: number): Map<number, string> {
  const owners = new Map<number, string>()
  const twice = new Set<number>()
  for (const { id, owned } of members) {
    for (const partition of owned) {
      if (partition < 0 || partition >= partitions) continue
      if (owners.has(partition)) twice.add(partition)
      owners.set(partition, id)
    }
  }
  for (const partition of twice) owners.delete(partition)
  return owners
}

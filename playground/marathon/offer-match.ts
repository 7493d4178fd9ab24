import type { Offer } from '../mesos/model.ts'
import { meetsConstraints } from './constraints.ts'
import { isScheduled, type Instance, type RunSpec } from './model.ts'
import type { RejectReason } from './offer-statistics.ts'

/** All that speaks against launching the instance on the offer; none: it fits. */
export function rejects(
  instance: Instance,
  offer: Offer,
  siblings: readonly Instance[],
): RejectReason[] {
  const { spec } = instance
  const { cpus, mem, disk, ports } = neededBy(spec)
  const placed = siblings.filter((other) => other.agent !== undefined && !isScheduled(other))
  const fits: [RejectReason, boolean][] = [
    [
      'UnfulfilledConstraint',
      meetsConstraints(spec.constraints, offer.agent, placed, spec.instances),
    ],
    ['NoCorrespondingReservationFound', isReserved(instance, offer)],
    ['InsufficientCpus', isEnough(offer.cpus, cpus)],
    ['InsufficientMemory', isEnough(offer.mem, mem)],
    ['InsufficientDisk', isEnough(offer.disk, disk)],
    ['InsufficientPorts', offer.ports >= ports],
  ]
  return fits.filter(([, fit]) => !fit).map(([reason]) => reason)
}

/** An instance that has a volume goes where its volume is. */
function isReserved({ volumes, agent }: Instance, offer: Offer): boolean {
  return volumes.length === 0 || agent?.id === offer.agent.id
}

/** Sums of tenths are not exact. */
function isEnough(offered: number, needed: number): boolean {
  return offered + 1e-9 >= needed
}

export function neededBy({ containers, executorResources }: RunSpec) {
  const needed = { ...executorResources, ports: 0 }
  for (const { resources, ports } of containers) {
    needed.cpus += resources.cpus
    needed.mem += resources.mem
    needed.disk += resources.disk
    needed.ports += ports
  }
  return needed
}

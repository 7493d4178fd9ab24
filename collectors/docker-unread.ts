import type { Clock } from '../pipeline/clock.ts'
import { msToIso } from '../pipeline/event.ts'
import type { Identity } from '../pipeline/identity.ts'
import { nameOf } from './docker-file.ts'
import { hashOf } from './fingerprint.ts'
import type { Pump } from './pump.ts'

/** Whose log it is. */
interface Whose {
  id: string
  identity: Identity
}

/** What keeps a log from being read, or from being read rightly: told once, and kept as trouble while it holds. */
export function openDockerUnread({ clock, put }: { clock: Clock; put: Pump['put'] }) {
  const drivers = new Map<string, string>()
  const undescribed = new Map<string, string>()
  const labels = new Map<string, string>()

  function tell(id: string, about: { what: string; action: string; message: string }) {
    const { what, action, message } = about
    put({
      changes: [
        {
          '@timestamp': msToIso(clock.now()),
          'event.id': `change:collector:${id}:${what}`,
          'event.kind': 'collector',
          'event.action': action,
          message,
          'container.id': id,
        },
      ],
    })
  }

  const note = (faults: Map<string, string>, id: string, fault: string | undefined) =>
    fault === undefined ? faults.delete(id) : faults.set(id, fault)

  return {
    leftOut({ id, identity }: Whose) {
      const message = `the log of ${nameOf(identity, id)} is not read any more: its label mesoscope.logs says so`
      tell(id, { what: `wish:${hashOf(message)}`, action: 'left-out', message })
    },
    driver({ id, identity, driver }: Whose & { driver?: string | undefined }) {
      if (drivers.has(id)) return
      const message = `container ${identity.containerName ?? id.slice(0, 12)} logs through the driver ${driver}, which leaves no file that can be read: give the socket of the Docker daemon`
      drivers.set(id, message)
      tell(id, { what: 'driver', action: 'unreadable', message })
    },
    /** Undefined: none. */
    undescribed: (id: string, fault: string | undefined) => note(undescribed, id, fault),
    /** Of its labels; undefined: none. */
    label: ({ id, identity }: Whose, fault: string | undefined) =>
      note(labels, id, fault && `${nameOf(identity, id)}: ${fault}`),
    forget(id: string) {
      for (const faults of [drivers, undescribed, labels]) faults.delete(id)
    },
    unreadable: () => drivers.values().next().value ?? undescribed.values().next().value,
    badLabel: () => labels.values().next().value,
  }
}

export type DockerUnread = ReturnType<typeof openDockerUnread>

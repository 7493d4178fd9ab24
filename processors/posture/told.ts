import type { BusRecord } from '../../pipeline/bus/bus.ts'
import { readPosture, type Posture } from '../../pipeline/posture.ts'

/** What collectors tell now of containers and apps, by service. */
export interface ToldPostures {
  /** Returns the services that it concerns. Throws TypeError for what is not understood. */
  take(record: Pick<BusRecord, 'key' | 'value' | 'time'>): string[]
  of(service: string): Posture[]
  services(): string[]
  /** Keys of those that were told before this time, ms: who told them is gone. */
  olderThan(ms: number): string[]
}

export function openToldPostures(): ToldPostures {
  const byKey = new Map<string, Posture>()
  const keys = new Map<string, Set<string>>()

  function forget(key: string): string[] {
    const service = byKey.get(key)?.identity.service
    if (service === undefined) return []
    byKey.delete(key)
    const others = keys.get(service)
    others?.delete(key)
    if (others?.size === 0) keys.delete(service)
    return [service]
  }

  function learn(key: string, posture: Posture): string[] {
    const before = forget(key)
    const { service } = posture.identity
    byKey.set(key, posture)
    const others = keys.get(service) ?? new Set()
    keys.set(service, others.add(key))
    return [...new Set([...before, service])]
  }

  return {
    take({ key, value }) {
      if (value.length === 0) return forget(key)
      const posture = readPosture(value)
      if (!posture) throw new TypeError(`the posture of ${key} was not understood`)
      return learn(key, posture)
    },
    of: (service) => [...(keys.get(service) ?? [])].map((key) => byKey.get(key) as Posture),
    services: () => [...keys.keys()],
    olderThan: (ms) => [...byKey].flatMap(([key, { atMs }]) => (atMs < ms ? key : [])),
  }
}

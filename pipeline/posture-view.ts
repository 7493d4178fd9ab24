import type { Bus } from './bus/bus.ts'
import { followEpochs } from './bus/epochs.ts'
import { findingsKey, readServicePosture, type ServicePosture } from './posture.ts'

/** What is held of how services are run, for who only looks at it. */
export interface PostureView {
  get(service: string): ServicePosture | undefined
  services(): string[]
  /** Set while the topic cannot be read. */
  trouble(): string | undefined
  close(): Promise<void>
}

/** Follows the topic `findings`. Rejects if the bus is away. */
export async function followPostures(bus: Bus): Promise<PostureView> {
  const view = await followEpochs(bus, 'findings')
  const prefix = findingsKey('')
  return {
    get(service) {
      const record = view.latest().get(findingsKey(service))
      return record && readServicePosture(record.value)
    },
    services: () =>
      [...view.latest().keys()]
        .filter((key) => key.startsWith(prefix))
        .map((key) => key.slice(prefix.length)),
    trouble: view.trouble,
    close: () => view.close(),
  }
}

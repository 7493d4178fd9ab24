import type { Identity } from '../pipeline/identity.ts'
import { clean, keptLabels, withoutUnknown } from './docker-identity.ts'
import type { MarathonApp } from './marathon-apps.ts'
import type { MarathonTask } from './marathon-tasks.ts'

/** Who a service is, as Marathon knows it. */
export function serviceIdentity(
  app: MarathonApp,
  { cluster, framework }: Pick<Identity, 'cluster' | 'framework'>,
): Identity {
  const labels = cleanLabels(app.labels)
  return withoutUnknown({
    cluster,
    service: app.id,
    version: clean(app.version),
    image: clean(app.image),
    framework,
    owner: labelOf(labels, 'owner'),
    runbook: labelOf(labels, 'runbook'),
    retention: labels.get('mesoscope.retention'),
    labels: keptLabels(labels),
  })
}

/** What of a task makes its identity. */
export type TaskOfIdentity = Pick<MarathonTask, 'id' | 'agent' | 'version' | 'image' | 'stagedMs'>

/** `of`: the service in the version that the task runs, as far as that is known. */
export function taskIdentity(
  of: Identity,
  { id, agent, version, image }: TaskOfIdentity,
  deployment: string | undefined,
): Identity {
  return withoutUnknown({
    ...of,
    task: id,
    agent: clean(agent) ?? of.agent,
    version: clean(version) ?? of.version,
    image: clean(image) ?? of.image,
    deployment,
  })
}

/** As Docker's and Mesos' labels are read: `mesoscope.owner`, else `owner` whatever its case. */
function labelOf(labels: ReadonlyMap<string, string>, part: string): string | undefined {
  const own = labels.get(`mesoscope.${part}`)
  return own ?? [...labels].find(([name]) => name.toLowerCase() === part)?.[1]
}

/** Those of the autoscaler first: there is a limit to how many are kept. */
export function cleanLabels(labels: ReadonlyMap<string, string>): Map<string, string> {
  const isOurs = (name: string) => /^(autoscale|mesoscope|owner$|runbook$)/i.test(name)
  const all = [...labels].flatMap(([rawName, rawValue]): [string, string][] => {
    const [name, value] = [clean(rawName), clean(rawValue)]
    return name !== undefined && value !== undefined ? [[name, value]] : []
  })
  return new Map([
    ...all.filter(([name]) => isOurs(name)),
    ...all.filter(([name]) => !isOurs(name)),
  ])
}

/** Services in the versions that their tasks may run. */
export interface Versions {
  /** The service as it was answered last. */
  current(id: string): Identity | undefined
  /** The service as a task of this version knows it; `sure` is false where that version was not seen. */
  at(id: string, version: string | undefined): { identity: Identity; sure: boolean } | undefined
  put(app: MarathonApp, identity: Identity): void
  forget(id: string): void
}

interface Known {
  identity: Identity
  /** The version it has, and the one that changed more than the number of instances last. */
  version: string
  config: string
  /** By version, of those that were seen. */
  seen: Map<string, Identity>
}

const maxVersions = 10

/**
 * During a rolling deployment tasks of several versions run: image and labels are those of their own version, as long as
 * it was seen. Scaling makes a new version too, in which nothing else is new.
 */
export function openVersions(): Versions {
  const services = new Map<string, Known>()

  function at(id: string, version: string | undefined) {
    const known = services.get(id)
    if (!known) return undefined
    const seen = version === undefined ? known.identity : known.seen.get(version)
    if (seen || version === undefined) return { identity: seen ?? known.identity, sure: true }
    // Versions are times of one form: they sort as texts.
    if (version >= known.config && version <= known.version) {
      return { identity: known.identity, sure: true }
    }
    const { image: _, ...identity } = known.identity
    return { identity, sure: false }
  }

  return {
    current: (id) => services.get(id)?.identity,
    at,
    put({ id, version = '', configVersion = version }, identity) {
      const seen = services.get(id)?.seen ?? new Map<string, Identity>()
      services.set(id, { identity, version, config: configVersion, seen })
      seen.set(version, identity)
      const [oldest] = seen.keys()
      if (seen.size > maxVersions && oldest !== undefined) seen.delete(oldest)
    },
    forget: (id) => services.delete(id),
  }
}

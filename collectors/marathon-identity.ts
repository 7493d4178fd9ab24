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
    labels: keptLabels(labels),
  })
}

/** What of a task makes its identity. */
export type TaskOfIdentity = Pick<MarathonTask, 'id' | 'agent' | 'version' | 'stagedMs'>

/** `of`: the service in the version that the task runs, as far as that is known. */
export function taskIdentity(
  of: Identity,
  { id, agent, version }: TaskOfIdentity,
  deployment: string | undefined,
): Identity {
  return withoutUnknown({
    ...of,
    task: id,
    agent: clean(agent) ?? of.agent,
    version: clean(version) ?? of.version,
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

/** Services in the versions that their tasks may still run. */
export interface Versions {
  /** The service as it is now. */
  current(id: string): Identity | undefined
  /** The service as a task of this version knows it. */
  at(id: string, version: string | undefined): Identity | undefined
  put(app: MarathonApp, identity: Identity): void
  forget(id: string): void
}

const maxVersions = 10

/**
 * During a rolling deployment tasks of several versions run: image and labels are those of their own version, as long as
 * it was seen. Scaling makes a new version too, in which nothing else is new.
 */
export function openVersions(): Versions {
  const services = new Map<
    string,
    { config: string; identity: Identity; old: Map<string, Identity> }
  >()
  return {
    current: (id) => services.get(id)?.identity,
    at(id, version) {
      const known = services.get(id)
      if (!known || version === undefined) return known?.identity
      const old = known.old.get(version)
      // Versions are times of one form: they sort as texts.
      if (old || version >= known.config) return old ?? known.identity
      const { image: _, ...identity } = known.identity
      return identity
    },
    put({ id, version = '', configVersion = version }, identity) {
      const known = services.get(id) ?? { config: '', identity, old: new Map<string, Identity>() }
      services.set(id, known)
      known.config = configVersion
      known.identity = identity
      known.old.set(version, identity)
      const [oldest] = known.old.keys()
      if (known.old.size > maxVersions && oldest !== undefined) known.old.delete(oldest)
    },
    forget: (id) => services.delete(id),
  }
}

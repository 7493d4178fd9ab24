import { startDeployment, checkDeploymentLimit } from './deployments.ts'
import { events } from './events.ts'
import { iso, type Plan, type Root, type RunSpec, type VersionInfo } from './model.ts'
import { makePlan } from './plan.ts'
import { Refusal } from './refusal.ts'
import { isConfigChange, servicePorts, specOfApp, specOfPod, withServicePorts } from './run-spec.ts'
import type { State } from './state.ts'

export interface Change {
  /** The group that is told to have changed. */
  groupId: string
  force: boolean
  /** Those that get a new version although nothing in them changes. */
  restart?: readonly string[]
  toKill?: ReadonlyMap<string, string[]>
  /** What is to be there, by id; specs that stay are the same objects. @throws Refusal */
  specs(now: ReadonlyMap<string, RunSpec>): ReadonlyMap<string, RunSpec>
}

/** The only way in which apps and pods change: a new root and the deployment that leads to it. @throws Refusal */
export function changeRoot(state: State, change: Change): Plan {
  checkDeploymentLimit(state)
  const version = nextVersion(state)
  try {
    const target = versioned(state, version, change)
    const plan = makePlan(state.root, target, change.toKill)
    startDeployment(state, plan, change.force)
    remember(state, target)
    state.root = target
    state.events.publish(events.groupChanged(state.clock.now(), change.groupId, version))
    return plan
  } catch (error) {
    if (error instanceof Refusal) {
      const failed = events.groupChangeFailed(
        state.clock.now(),
        change.groupId,
        version,
        error.message,
      )
      state.events.publish(failed)
    }
    throw error
  }
}

/** Versions name states: no two are the same. */
export function nextVersion({ clock, root }: State): string {
  return iso(Math.max(clock.now(), Date.parse(root.version) + 1))
}

function versioned(state: State, version: string, change: Change): Root {
  const before = state.root.specs
  const specs = new Map<string, RunSpec>()
  const wanted = change.specs(before)
  const taken = new Set([...before.values(), ...wanted.values()].flatMap(servicePorts))
  for (const [id, spec] of wanted) {
    const old = before.get(id)
    const restarts = change.restart?.includes(id) === true
    const named = old === spec ? spec : withPorts(state, taken, old, spec)
    const same = old !== undefined && !restarts && isSame(old, named)
    specs.set(id, same ? old : versionedSpec(version, old, named))
  }
  return { version, specs }
}

function isSame(old: RunSpec, spec: RunSpec): boolean {
  return old === spec || (old.instances === spec.instances && !isConfigChange(old, spec))
}

function versionedSpec(version: string, old: RunSpec | undefined, spec: RunSpec): RunSpec {
  if (!old || isConfigChange(old, spec)) return renamed(spec, version)
  const { lastConfigChangeAt } = old.versionInfo
  const scaled = old.instances !== spec.instances
  const versionInfo = scaled ? { lastScalingAt: version, lastConfigChangeAt } : old.versionInfo
  return renamed(spec, version, versionInfo)
}

function renamed(spec: RunSpec, version: string, versionInfo?: VersionInfo): RunSpec {
  return spec.kind === 'app'
    ? specOfApp(spec.definition, version, versionInfo)
    : specOfPod(spec.definition, version, versionInfo)
}

/** Service ports left open are those the app had, then any that no app has. */
function withPorts(
  { flags }: State,
  taken: Set<number>,
  old: RunSpec | undefined,
  spec: RunSpec,
): RunSpec {
  if (spec.kind !== 'app') return spec
  const wanted = servicePorts(spec)
  const before = old ? servicePorts(old).filter((port) => !wanted.includes(port)) : []
  const ports = wanted.map(
    (port) => port || (before.shift() ?? freePort(flags.servicePorts, taken)),
  )
  return { ...spec, definition: withServicePorts(spec.definition, ports) }
}

function freePort([first, last]: readonly [number, number], taken: Set<number>): number {
  let port = first
  while (taken.has(port) && port < last) port += 1
  taken.add(port)
  return port
}

function remember(state: State, { specs }: Root): void {
  for (const [id, spec] of specs) {
    const known = state.versions.get(id) ?? []
    if (known.at(-1)?.version !== spec.version) state.versions.set(id, [...known, spec].slice(-50))
  }
  for (const id of state.versions.keys()) if (!specs.has(id)) state.versions.delete(id)
}

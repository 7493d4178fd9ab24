import { randomUUID } from 'node:crypto'
import type { Action, Plan, Root, RunSpec } from './model.ts'
import { isConfigChange } from './run-spec.ts'

/**
 * The steps from one state of all apps and pods to another: stop what is gone, declare what is new, then scale or
 * restart, those first on which others depend. Instances named in `toKill` are among the killed ones of a scale-down.
 */
export function makePlan(
  original: Root,
  target: Root,
  toKill: ReadonlyMap<string, string[]> = new Map(),
): Plan {
  const stopped = [...original.specs.values()].filter(({ id }) => !target.specs.has(id))
  const started = [...target.specs.values()].filter(({ id }) => !original.specs.has(id))
  const changes = [...target.specs.values()].flatMap((spec) =>
    change(original.specs.get(spec.id), spec, toKill.get(spec.id) ?? []),
  )
  const steps = [
    stopped.map((spec): Action => ({ name: 'StopApplication', spec, toKill: [] })),
    started.map((spec): Action => ({ name: 'StartApplication', spec, toKill: [] })),
    ...byDependency(changes, target),
  ].filter((step) => step.length > 0)
  return { id: randomUUID(), version: target.version, original, target, steps }
}

function change(before: RunSpec | undefined, spec: RunSpec, toKill: string[]): Action[] {
  if (before === spec) return []
  if (!before) return [{ name: 'ScaleApplication', spec, toKill: [] }]
  const configChanged = isConfigChange(before, spec)
  const scaled = before.instances !== spec.instances
  if ((scaled && !configChanged) || (spec.instances === 0 && before.version !== spec.version)) {
    return [{ name: 'ScaleApplication', spec, toKill }]
  }
  // The same config under another version: a restart was asked for.
  return configChanged || before.version !== spec.version
    ? [{ name: 'RestartApplication', spec, toKill: [] }]
    : []
}

/** What depends on nothing first, each after all it depends on. */
function byDependency(actions: Action[], { specs }: Root): Action[][] {
  const levels: Action[][] = []
  for (const action of actions) {
    const level = depth(action.spec, specs, new Set())
    levels[level] = [...(levels[level] ?? []), action]
  }
  return levels.filter((level) => level !== undefined)
}

function depth(spec: RunSpec, specs: Root['specs'], seen: ReadonlySet<string>): number {
  // Circles are refused by Marathon; here they just end.
  if (seen.has(spec.id)) return 0
  const deeper = new Set([...seen, spec.id])
  const below = spec.dependencies.flatMap((id) => membersOf(id, specs))
  return below.reduce((deepest, one) => Math.max(deepest, 1 + depth(one, specs, deeper)), 0)
}

/** A dependency is an app or a group of some. */
function membersOf(id: string, specs: Root['specs']): RunSpec[] {
  return [...specs.values()].filter((spec) => spec.id === id || spec.id.startsWith(`${id}/`))
}

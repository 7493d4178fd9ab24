import { answerAppInfo, type Embed } from './answer-app-info.ts'
import { answerPodStatus } from './answer-pod-status.ts'
import type { RunSpec } from './model.ts'
import { isUnder, parentPath } from './path-id.ts'
import type { State } from './state.ts'

/** What an answer about a group has. */
export interface GroupEmbed {
  groups: boolean
  apps: boolean
  pods: boolean
  app: Embed
}

/** Groups are where apps and pods are; `/` is always there. Undefined where nothing is. */
export function answerGroup(
  state: State,
  id: string,
  embed: GroupEmbed,
): Record<string, unknown> | undefined {
  const below = [...state.root.specs.values()].filter((spec) => isUnder(spec.id, id))
  if (id !== '/' && below.every((spec) => spec.id === id)) return undefined
  return groupOf(state, id, below, embed)
}

function groupOf(
  state: State,
  id: string,
  below: readonly RunSpec[],
  embed: GroupEmbed,
): Record<string, unknown> {
  const own = below.filter((spec) => parentPath(spec.id) === id)
  return {
    id,
    ...(embed.apps
      ? {
          apps: own.flatMap((spec) =>
            spec.kind === 'app' ? [answerAppInfo(state, spec, embed.app)] : [],
          ),
        }
      : {}),
    ...(embed.pods
      ? { pods: own.flatMap((spec) => (spec.kind === 'pod' ? [answerPodStatus(state, spec)] : [])) }
      : {}),
    ...(embed.groups
      ? {
          groups: childGroups(id, below).map((child) =>
            groupOf(
              state,
              child,
              below.filter((spec) => isUnder(spec.id, child)),
              embed,
            ),
          ),
        }
      : {}),
    dependencies: [],
    version: state.root.version,
    enforceRole: false,
  }
}

function childGroups(id: string, below: readonly RunSpec[]): string[] {
  const depth = id === '/' ? 1 : id.split('/').length
  const parents = below
    .map((spec) => spec.id.split('/'))
    .filter((parts) => parts.length > depth + 1)
    .map((parts) => parts.slice(0, depth + 1).join('/'))
  return [...new Set(parents)].toSorted()
}

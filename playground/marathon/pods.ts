import { changeRoot } from './root.ts'
import { alreadyExists, badRequest, unknownSpec } from './refusal.ts'
import { absolutePath, parentPath } from './path-id.ts'
import { readAs } from './read-json.ts'
import { podSchema, type Pod } from './pod-schema.ts'
import { normalisePod } from './normalise-pod.ts'
import type { Plan, RunSpec } from './model.ts'
import { specOfPod } from './run-spec.ts'
import type { State } from './state.ts'

/** What clients do with pods. All throw Refusals. */

export type PodSpec = RunSpec & { kind: 'pod' }

export function podOrRefuse(state: State, id: string): PodSpec {
  const spec = state.root.specs.get(id)
  if (spec?.kind !== 'pod') throw unknownSpec('Pod', id)
  return spec
}

function readPod(json: unknown): Pod {
  const body = readAs(podSchema, json)
  return normalisePod({ ...body, id: absolutePath(body.id) })
}

export function createPod(state: State, json: unknown, force: boolean): Plan {
  const pod = readPod(json)
  return changeRoot(state, {
    groupId: parentPath(pod.id),
    force,
    specs(now) {
      if (now.has(pod.id)) throw alreadyExists(`A pod with id [${pod.id}] already exists.`)
      return new Map([...now, [pod.id, specOfPod(pod, '')]])
    },
  })
}

/** Takes whole definitions alone: there is no PATCH for pods. */
export function updatePod(state: State, id: string, json: unknown, force: boolean): Plan {
  const pod = readPod(json)
  if (pod.id !== id) throw badRequest(`'${id}' does not match definition's id ('${pod.id}')`)
  podOrRefuse(state, id)
  return changeRoot(state, {
    groupId: parentPath(id),
    force,
    specs: (now) => new Map([...now, [id, specOfPod(pod, '')]]),
  })
}

export function deletePod(state: State, id: string, force: boolean): Plan {
  podOrRefuse(state, id)
  return changeRoot(state, {
    groupId: parentPath(id),
    force,
    specs: (now) => new Map([...now].filter(([other]) => other !== id)),
  })
}

import { isObject, kindOf, partOf, partsOf, type Part, type Problem } from './answer.ts'
import { countOf, idOf, idsOf, pathOf, timeOf } from './marathon-values.ts'

export interface MarathonDeployment {
  id: string
  /** What its apps will have as version, and when it was begun. */
  version?: string
  sinceMs?: number
  /** Ids of apps and pods. */
  affected: string[]
  /** Of those of its steps, each with what it does. */
  steps: DeploymentAction[][]
  /** The step under way, from 1; undefined where only its actions are told. */
  step?: number
  current: DeploymentAction[]
  total: number
}

export interface DeploymentAction {
  /** `ScaleApplication`, `RestartApplication` … */
  action: string
  /** Id of the app or pod. */
  service: string
}

export interface DeploymentsRead {
  /** Undefined where there is no list at all. */
  deployments: MarathonDeployment[] | undefined
  problems: Problem[]
}

/** `/v2/deployments` of Marathons from 0.7 on. Never throws. */
export function readDeployments(answer: unknown): DeploymentsRead {
  const problems: Problem[] = []
  const parts = partsOf(answer, problems)
  if (!Array.isArray(answer)) return { deployments: undefined, problems }
  return { deployments: parts.flatMap((part) => deploymentOf(part, problems) ?? []), problems }
}

/** Also the plan of an event; `around` holds its `currentStep`. */
export function deploymentOf(
  part: Part,
  problems: Problem[],
  around: Part = part,
): MarathonDeployment | undefined {
  const id = idOf(part, 'id')
  if (id === undefined) {
    if (!part.has('id')) part.note('a deployment without id')
    return undefined
  }
  const steps = stepsOf(part, problems)
  const current = currentOf(around, problems)
  const told = [...idsOf(part, 'affectedApps'), ...idsOf(part, 'affectedPods')]
  const acted = [...steps.flat(), ...current].map(({ service }) => service)
  const step = isObject(around.fields['currentStep']) ? undefined : countOf(around, 'currentStep')
  const version = part.text('version')
  const sinceMs = timeOf(part, 'version')
  return {
    id,
    ...(version === undefined ? {} : { version }),
    ...(sinceMs === undefined ? {} : { sinceMs }),
    affected: [...new Set(told.length > 0 ? told : acted)],
    steps,
    ...(step === undefined ? {} : { step }),
    current,
    total: countOf(part, 'totalSteps') ?? steps.length,
  }
}

/** Steps are objects with `actions`, lists of actions (0.7 to 0.15), or single actions (in old documents). */
function stepsOf(part: Part, problems: Problem[]): DeploymentAction[][] {
  const list = part.fields['steps']
  if (!Array.isArray(list)) {
    if (part.has('steps')) part.note(`expected a list, got ${kindOf(list)}`, 'steps')
    return []
  }
  return list.map((step: unknown, index) => stepOf(step, problems, `${part.path}.steps[${index}]`))
}

function stepOf(step: unknown, problems: Problem[], path: string): DeploymentAction[] {
  if (Array.isArray(step)) return partsOf(step, problems, path).flatMap(actionOf)
  const part = partOf(step, problems, path)
  if (!part) return []
  return part.has('actions') ? (part.parts('actions') ?? []).flatMap(actionOf) : actionOf(part)
}

function currentOf(part: Part, problems: Problem[]): DeploymentAction[] {
  if (part.has('currentActions')) return (part.parts('currentActions') ?? []).flatMap(actionOf)
  const step = part.fields['currentStep']
  return isObject(step) ? stepOf(step, problems, `${part.path}.currentStep`) : []
}

/** The key was `type` up to 1.1.1. */
function actionOf(part: Part): DeploymentAction[] {
  const action = part.text('action', 'type')
  const service = pathOf(part, 'app', 'pod')
  if (action !== undefined && service !== undefined) return [{ action, service }]
  part.note('an action without its name, or without app or pod')
  return []
}

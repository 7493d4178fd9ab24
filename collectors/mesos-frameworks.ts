import { withoutUndefined } from '../pipeline/without-undefined.ts'
import { partOf, type Part, type Problem } from './answer.ts'
import { idOf, timeOf } from './mesos-values.ts'
import { tasksIn, type MesosTask } from './mesos-tasks.ts'

export interface MesosFramework {
  id: string
  name?: string
  active?: boolean
  registeredNs?: bigint
}

export interface FrameworksRead {
  frameworks: MesosFramework[]
  /** Frameworks that are gone. */
  completed: MesosFramework[]
  /** In the answers that list them by framework (`/frameworks`, `/state`). */
  tasks: MesosTask[]
  problems: Problem[]
}

/** The master's `/frameworks`, the frameworks of its `/state` and `/state-summary`, and GET_FRAMEWORKS. Never throws. */
export function readFrameworks(answer: unknown): FrameworksRead {
  const problems: Problem[] = []
  const part = partOf(answer, problems)
  const holder = part?.has('get_frameworks') ? part.part('get_frameworks') : part
  if (!holder) return { frameworks: [], completed: [], tasks: [], problems }
  if (holder === part && !part.has('frameworks')) part.note('no list of frameworks')
  return { ...frameworksIn(holder), problems }
}

export function frameworksIn(holder: Part): Omit<FrameworksRead, 'problems'> {
  const live = holder.parts('frameworks') ?? []
  const gone = holder.parts('completed_frameworks') ?? []
  return {
    frameworks: live.flatMap((part) => readFramework(part) ?? []),
    completed: gone.flatMap((part) => readFramework(part) ?? []),
    tasks: [...live, ...gone].flatMap(tasksIn),
  }
}

/** Undefined, and noted, for what has no id. */
export function readFramework(part: Part): MesosFramework | undefined {
  const info = part.part('framework_info') ?? part
  const id = idOf(info, 'id')
  if (id === undefined) {
    part.note('a framework without an id')
    return undefined
  }
  return {
    ...withoutUndefined({
      name: info.text('name'),
      active: part.flag('active'),
      registeredNs: timeOf(part, 'registered_time'),
    }),
    id,
  }
}

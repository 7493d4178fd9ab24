import { withoutUndefined } from '../pipeline/without-undefined.ts'
import { partOf, type Part, type Problem } from './answer.ts'
import { idOf, pidAddress, timeOf, type PidAddress } from './mesos-values.ts'

/** An agent as the master lists it. */
export interface MesosAgent {
  id: string
  hostname?: string
  /** Where it listens, out of its pid: its host name may not resolve. */
  address?: PidAddress
  /** False: the master has lost the connection to it. */
  active?: boolean
  /** Taken out of use by an operator. */
  deactivated?: boolean
  version?: string
  registeredNs?: bigint
  reregisteredNs?: bigint
}

export interface AgentsRead {
  agents: MesosAgent[]
  /** Known from the registry of a master that was just elected; they have not come back to it yet. */
  recovered: MesosAgent[]
  problems: Problem[]
}

/** The master's `/slaves`, the agents of its `/state` and `/state-summary`, and GET_AGENTS. Never throws. */
export function readAgents(answer: unknown): AgentsRead {
  const problems: Problem[] = []
  const part = partOf(answer, problems)
  const holder = part?.has('get_agents') ? part.part('get_agents') : part
  if (!holder) return { agents: [], recovered: [], problems }
  if (holder === part && !part.has('slaves')) part.note('no list of agents')
  return { ...agentsIn(holder), problems }
}

export function agentsIn(holder: Part): Omit<AgentsRead, 'problems'> {
  const list = (...keys: string[]) =>
    (holder.parts(...keys) ?? []).flatMap((part) => readAgent(part) ?? [])
  return {
    agents: list('slaves', 'agents'),
    recovered: list('recovered_slaves', 'recovered_agents'),
  }
}

/** Undefined, and noted, for what has no id. */
export function readAgent(part: Part): MesosAgent | undefined {
  // The operator API wraps what the agent said of itself; recovered ones are told without the rest.
  const info = part.part('agent_info') ?? part
  const id = idOf(info, 'id')
  if (id === undefined) {
    part.note('an agent without an id')
    return undefined
  }
  return {
    ...withoutUndefined({
      hostname: info.text('hostname'),
      address: addressOf(part),
      active: part.flag('active'),
      deactivated: part.flag('deactivated'),
      version: part.text('version'),
      registeredNs: timeOf(part, 'registered_time'),
      reregisteredNs: timeOf(part, 'reregistered_time'),
    }),
    id,
  }
}

function addressOf(part: Part): PidAddress | undefined {
  const pid = part.text('pid')
  const address = pid === undefined ? undefined : pidAddress(pid)
  if (pid !== undefined && !address) part.note('is no pid (name@address:port)', 'pid')
  return address
}

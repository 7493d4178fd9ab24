import { Trouble } from '../../pipeline/errors.ts'
import type { Agent, Resources, TaskSpec } from './model.ts'

/** What an agent has given away. */
export interface Ledger {
  /** What is left, never more than it has. */
  left(): Resources & { ports: number }
  /** Throws a retryable {@link Trouble} where the agent has not got that much, and takes nothing then. */
  take(specs: readonly TaskSpec[]): Taken
}

/** One allocation: of a command task, or of all tasks of a pod. */
export interface Taken {
  /** The ports of each task, in the order of the specs. */
  ports: number[][]
  /** Gives back what a task had; the executor of a pod goes with the last one. */
  release(index: number): void
}

/** What Marathon adds to a pod for its executor. */
export const podExecutor: Resources = { cpus: 0.1, mem: 32, disk: 10 }
const nothing: Resources = { cpus: 0, mem: 0, disk: 0 }

export interface LedgerOptions {
  agent: Agent
  /** The ports on which programs of this machine listen. */
  listening(): ReadonlySet<number>
  /** In [0, 1): where among its ports it begins. */
  chance(): number
}

export function openLedger({ agent, listening, chance }: LedgerOptions): Ledger {
  const taken = new Set<Resources>()
  const usedPorts = new Set<number>()
  const [first, last] = agent.ports
  const size = last - first + 1
  let next = Math.floor(chance() * size)

  function left() {
    const used = [...taken].reduce(add, nothing)
    const { cpus, mem, disk } = agent.total
    return {
      cpus: thousandths(cpus - used.cpus),
      mem: thousandths(mem - used.mem),
      disk: thousandths(disk - used.disk),
      ports: size - usedPorts.size,
    }
  }

  /** In turn, so that a port rests after its task has ended. */
  function takePorts(count: number): number[] {
    const found: number[] = []
    const foreign = count > 0 ? listening() : usedPorts
    for (let tried = 0; tried < size && found.length < count; tried++) {
      const port = first + (next++ % size)
      if (!usedPorts.has(port) && !foreign.has(port)) found.push(port)
    }
    if (found.length < count) throw lacking(agent, 'ports')
    for (const port of found) usedPorts.add(port)
    return found
  }

  function take(specs: readonly TaskSpec[]): Taken {
    const overhead = specs.some(({ executorId }) => executorId !== undefined) ? [podExecutor] : []
    const wanted = [...overhead, ...specs.map(({ resources }) => resources)].reduce(add, nothing)
    const has = left()
    const short = (['cpus', 'mem', 'disk'] as const).find(
      (name) => thousandths(wanted[name]) > has[name],
    )
    if (short) throw lacking(agent, short)
    const ports = takePorts(specs.reduce((sum, spec) => sum + spec.ports, 0))
    const shares = specs.map(({ resources }) => ({ ...resources }))
    const executors = overhead.map((share) => ({ ...share }))
    for (const share of [...shares, ...executors]) taken.add(share)
    const perTask = specs.map((spec) => ports.splice(0, spec.ports))
    return {
      ports: perTask,
      release(index) {
        taken.delete(shares[index] ?? nothing)
        for (const port of perTask[index] ?? []) usedPorts.delete(port)
        if (!shares.some((share) => taken.has(share))) {
          for (const share of executors) taken.delete(share)
        }
      },
    }
  }

  return { left, take }
}

function add(one: Resources, other: Resources): Resources {
  return {
    cpus: one.cpus + other.cpus,
    mem: one.mem + other.mem,
    disk: one.disk + other.disk,
  }
}

/** Mesos counts in thousandths. */
function thousandths(amount: number): number {
  return Math.round(amount * 1000) / 1000
}

function lacking({ hostname }: Agent, what: string): Trouble {
  return new Trouble(`${hostname} has not got enough ${what} left`, {
    remedy: 'wait for another offer',
    retryable: true,
  })
}

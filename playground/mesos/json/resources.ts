import type { Agent, Resources, Task } from '../model.ts'
import { double, type RawNumber } from './number.ts'

/** What is there of each resource; ports as first and last, inclusive. */
export interface Amount extends Resources {
  ports: [number, number][]
}

export const nothing: Amount = { cpus: 0, mem: 0, disk: 0, ports: [] }

export function sum(amounts: readonly Amount[]): Amount {
  const total = (of: (amount: Amount) => number) =>
    // Mesos counts thousandths.
    Math.round(amounts.reduce((so, amount) => so + of(amount), 0) * 1000) / 1000
  return {
    cpus: total((amount) => amount.cpus),
    mem: total((amount) => amount.mem),
    disk: total((amount) => amount.disk),
    ports: merged(amounts.flatMap((amount) => amount.ports)),
  }
}

export function taskAmount(task: Task): Amount {
  return { ...task.spec.resources, ports: merged(task.ports.map((port) => [port, port])) }
}

export function agentAmount(agent: Agent): Amount {
  return { ...agent.total, ports: [agent.ports] }
}

function merged(ranges: [number, number][]): [number, number][] {
  const result: [number, number][] = []
  for (const [first, last] of ranges.toSorted((a, b) => a[0] - b[0])) {
    const before = result.at(-1)
    if (before && first <= before[1] + 1) before[1] = Math.max(before[1], last)
    else result.push([first, last])
  }
  return result
}

/** As v0 writes them: all scalars, also zeros, and ports as text, if there are any. */
export function resources({ cpus, mem, disk, ports }: Amount): Record<string, unknown> {
  const scalars = { disk: double(disk), mem: double(mem), gpus: double(0), cpus: double(cpus) }
  return ports.length === 0 ? scalars : { ...scalars, ports: portsText(ports) }
}

/** `[31005-31006, 31010-31010]` */
export function portsText(ports: [number, number][]): string {
  return `[${ports.map(([first, last]) => `${first}-${last}`).join(', ')}]`
}

/** As roles are written: what there is, ports as their number. */
export function quantities({ cpus, mem, disk, ports }: Amount): Record<string, RawNumber> {
  const count = ports.reduce((so, [first, last]) => so + last - first + 1, 0)
  const all: [string, number][] = [
    ['cpus', cpus],
    ['disk', disk],
    ['mem', mem],
    ['ports', count],
  ]
  return Object.fromEntries(all.flatMap(([name, n]) => (n === 0 ? [] : [[name, double(n)]])))
}

/** Of which role resources are reserved (`*`: none), and to which role they are allocated. */
export interface Belongs {
  role?: string
  allocatedTo?: string
}

/** As protobuf writes them: only what there is. */
export function resourceList({ cpus, mem, disk, ports }: Amount, belongs: Belongs): unknown[] {
  const owner = {
    ...(belongs.role === undefined ? {} : { role: belongs.role }),
    ...(belongs.allocatedTo === undefined
      ? {}
      : { allocation_info: { role: belongs.allocatedTo } }),
  }
  const scalars = Object.entries({ cpus, mem, disk }).flatMap(([name, value]) =>
    value === 0 ? [] : [{ name, type: 'SCALAR', scalar: { value: double(value) }, ...owner }],
  )
  if (ports.length === 0) return scalars
  const range = ports.map(([begin, end]) => ({ begin, end }))
  return [...scalars, { name: 'ports', type: 'RANGES', ranges: { range }, ...owner }]
}

import { RE2JS } from 're2js'
import type { Agent } from '../mesos/model.ts'
import type { Instance } from './model.ts'

/** Marathon's placement constraints: does an agent suit, given where the other instances are? */
export function meetsConstraints(
  constraints: readonly string[][],
  agent: Agent,
  placed: readonly Instance[],
  wanted: number,
): boolean {
  return constraints.every((constraint) => meets(constraint, agent, placed, wanted))
}

function meets(
  [field = '', operator, value = '']: string[],
  agent: Agent,
  placed: readonly Instance[],
  wanted: number,
): boolean {
  const offered = read(field, agent)
  if (offered === undefined) return operator === 'UNLIKE'
  const others = placed.map((instance) => instance.agent && read(field, instance.agent))
  switch (operator) {
    case 'UNIQUE':
      return !others.includes(offered)
    case 'CLUSTER':
      return value === '' ? others.every((other) => other === offered) : offered === value
    case 'GROUP_BY':
      return fitsGroup(offered, others, Number(value) || 0, wanted)
    case 'MAX_PER':
      return count(others, offered) < Number(value)
    case 'LIKE':
      return matches(offered, value)
    case 'UNLIKE':
      return !matches(offered, value)
    default:
      return offered === value
  }
}

/** Evenly over as many groups as are wanted; without a number, where there are fewest. */
function fitsGroup(
  offered: string,
  others: readonly (string | undefined)[],
  groups: number,
  wanted: number,
): boolean {
  const known = new Set(others)
  if (groups === 0)
    return [...known].every((group) => count(others, offered) <= count(others, group))
  const mine = count(others, offered)
  if (mine === 0) return known.size < groups
  const each = Math.floor(wanted / groups)
  const taken = [...known].map((group) => Math.max(0, count(others, group) - each))
  const spare = (wanted % groups) - taken.reduce((sum, more) => sum + more, 0)
  return mine < each || (mine === each && spare > 0)
}

function count(others: readonly (string | undefined)[], value: string | undefined): number {
  return others.filter((other) => other === value).length
}

function matches(text: string, pattern: string): boolean {
  return RE2JS.matches(pattern, text)
}

function read(field: string, agent: Agent): string | undefined {
  if (field === 'hostname' || field === '@hostname') return agent.hostname
  const attribute = agent.attributes[field.replace(/^@/, '')]
  return attribute === undefined ? undefined : String(attribute)
}

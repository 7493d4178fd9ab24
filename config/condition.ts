import { parse, type ASTNode } from '@marcbachmann/cel-js'
import { Trouble } from '../pipeline/errors.ts'

/** Functions of CEL that name a variable of their own as first argument. */
const binding = new Set(['all', 'exists', 'exists_one', 'map', 'filter'])

/** The names a condition (CEL) takes its values from. Throws a Trouble if it cannot be read. */
export function namesIn(condition: string): string[] {
  let root: ASTNode
  try {
    root = parse(condition).ast
  } catch (error) {
    const summary = (error as { summary?: string }).summary ?? (error as Error).message
    throw new Trouble(`cannot read the condition: ${summary.split('\n')[0]}`, { cause: error })
  }
  const names = new Set<string>()
  collect(root, new Set(), names)
  return [...names]
}

function collect(node: unknown, bound: ReadonlySet<string>, names: Set<string>): void {
  if (Array.isArray(node)) return node.forEach((part) => collect(part, bound, names))
  if (!isNode(node)) return
  if (node.op === 'id') {
    if (!bound.has(node.args)) names.add(node.args)
  } else if (node.op === 'rcall' && binding.has(node.args[0])) {
    const [, list, [variable, ...rest]] = node.args
    collect(list, bound, names)
    collect(rest, new Set([...bound, variable?.op === 'id' ? variable.args : '']), names)
  } else collect(node.args, bound, names)
}

function isNode(value: unknown): value is ASTNode {
  return typeof value === 'object' && value !== null && 'op' in value && 'args' in value
}

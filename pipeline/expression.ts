/** CEL over signals: conditions of rules, and signals that are made of others. */
import { Environment, serialize, type ASTNode } from '@marcbachmann/cel-js'

/** Signals by name, as numbers. */
export type SignalNumbers = Record<string, number>

/** A name that CEL can read as a variable. */
export const signalName = /^[a-zA-Z_][a-zA-Z0-9_]{0,99}$/

/** Where expressions over these signals are compiled. Throws where a name cannot be one. */
export function openEnvironment(names: readonly string[]): Environment {
  const environment = numbersMix(
    new Environment({ limits: { maxAstNodes: 2000, maxDepth: 100, maxListElements: 1000 } }),
  )
  for (const name of names) environment.registerVariable(name, 'double')
  return environment
}

/** CEL keeps whole numbers and fractions strictly apart; over signals, `error_rate * 2` means what it says. */
function numbersMix(environment: Environment): Environment {
  const calculations: Record<string, (a: number, b: number) => number> = {
    '+': (a, b) => a + b,
    '-': (a, b) => a - b,
    '*': (a, b) => a * b,
    '/': (a, b) => a / b,
  }
  for (const [operator, calculate] of Object.entries(calculations)) {
    const mixed = (a: unknown, b: unknown) => calculate(Number(a), Number(b))
    environment.registerOperator(`double ${operator} int: double`, mixed)
    environment.registerOperator(`int ${operator} double: double`, mixed)
  }
  // Registers `int == double` and both `!=` along with it.
  return environment.registerOperator('double == int: bool', (a, b) => Number(a) === Number(b))
}

/** A part of an expression as a number; undefined where it only makes sense inside it (a variable of `exists`). */
export function numeric(
  environment: Environment,
  node: ASTNode,
): ((signals: SignalNumbers) => number) | undefined {
  const parsed = environment.parse(serialize(node))
  if (!parsed.check().valid) return undefined
  return (signals) => Number(parsed(signals))
}

/** Those of `known` that a part of an expression reads, in the order in which they are written. */
export function signalsIn(
  node: ASTNode,
  known: ReadonlySet<string>,
  found: string[] = [],
): string[] {
  if (node.op === 'id' && known.has(node.args) && !found.includes(node.args)) found.push(node.args)
  for (const child of children(node)) signalsIn(child, known, found)
  return found
}

/** Operands are nodes, lists of nodes or names, depending on the operator. */
export function children(node: ASTNode): ASTNode[] {
  return [node.args as unknown].flat(3).filter((part): part is ASTNode => isNode(part))
}

function isNode(part: unknown): boolean {
  return typeof part === 'object' && part !== null && 'op' in part && 'args' in part
}

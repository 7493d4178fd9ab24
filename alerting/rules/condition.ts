import type { ASTNode, Environment } from '@marcbachmann/cel-js'
import {
  children,
  numeric,
  openEnvironment,
  signalsIn,
  type SignalNumbers,
} from '../../pipeline/expression.ts'

/** The condition of a rule, checked and ready to be asked. */
export interface Condition {
  /** As written. */
  text: string
  /** Signals it reads, in the order in which they are written. */
  reads: string[]
  /** Asks it; throws what CEL throws (an overflow, a bad conversion). */
  holds(signals: SignalNumbers): boolean
  /** The number the condition is about: the left side of the first comparison, or the first signal. */
  value(signals: SignalNumbers): number
  /** Where the whole condition is one comparison: `value <operator> threshold`. */
  comparison: Comparison | undefined
  /** If smaller values are worse (`request_rate < 1`). */
  lowIsWorse: boolean
}

export interface Comparison {
  /** The signal's side, as text. */
  left: string
  /** If the left side is a signal alone: its name. */
  signal: string | undefined
  operator: string
  /** The other side as text, and as a number. */
  right: string
  threshold(signals: SignalNumbers): number
}

const mirrored: Record<string, string> = {
  '<': '>',
  '<=': '>=',
  '>': '<',
  '>=': '<=',
  '==': '==',
  '!=': '!=',
}

/** Compiles conditions over these signals. Throws where a name cannot be one. */
export function openConditions(names: readonly string[]): (text: string) => Condition {
  const environment = openEnvironment(names)
  const known = new Set(names)
  return (text) => compile(environment, known, text)
}

function compile(environment: Environment, known: Set<string>, text: string): Condition {
  const parsed = environment.parse(text)
  const checked = parsed.check()
  if (!checked.valid) throw checked.error ?? new Error('not a condition')
  if (checked.type !== 'bool') {
    throw new Error(`gives ${checked.type}, not true or false: compare it with a threshold`)
  }
  const reads = signalsIn(parsed.ast, known)
  const first = reads[0]
  if (first === undefined) throw new Error('reads no signal: it would always be the same')
  const sides = (node: ASTNode) => orient(node, known)
  const whole = sides(parsed.ast)
  const about = whole ?? findComparison(parsed.ast, sides)
  const value = about && numeric(environment, about.left)
  const threshold = whole && numeric(environment, whole.right)
  return {
    text,
    reads,
    holds: (signals) => parsed(signals) === true,
    value: value ?? ((signals) => signals[first] ?? Number.NaN),
    comparison: whole && threshold && describe(whole, threshold),
    lowIsWorse: about?.operator.startsWith('<') ?? false,
  }
}

interface Sides {
  left: ASTNode
  operator: string
  right: ASTNode
}

function describe({ left, operator, right }: Sides, threshold: Comparison['threshold']) {
  const signal = left.op === 'id' ? left.args : undefined
  return { left: plain(left), signal, operator, right: plain(right), threshold }
}

function plain(node: ASTNode): string {
  return node.input.slice(node.range.start, node.range.end).replace(/\s+/g, ' ').trim()
}

/** The comparison with the side that reads signals on the left; undefined if `node` is none. */
function orient(node: ASTNode, known: Set<string>): Sides | undefined {
  const operator = node.op
  const turned = mirrored[operator]
  if (turned === undefined) return undefined
  const [left, right] = node.args as [ASTNode, ASTNode]
  if (signalsIn(left, known).length > 0) return { left, operator, right }
  if (signalsIn(right, known).length > 0) return { left: right, operator: turned, right: left }
  return undefined
}

function findComparison(
  node: ASTNode,
  sides: (node: ASTNode) => Sides | undefined,
): Sides | undefined {
  const found = sides(node)
  if (found) return found
  for (const child of children(node)) {
    const below = findComparison(child, sides)
    if (below) return below
  }
  return undefined
}

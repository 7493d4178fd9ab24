import type { LiqeQuery } from 'liqe'
import { parseQuery, parseTree } from './query.ts'
import type { SignalDeclaration } from './signals.ts'

/** What of a rule tells whether it looks at a service. */
export interface RuleFacts {
  alert: string
  /** Names of signals. */
  reads: readonly string[]
  /** Of a rule on single lines: which of them it is given. */
  where?: string
  labels: Readonly<Record<string, string>>
}

type Facts = Pick<SignalDeclaration, 'where' | 'by'>

/** No service has such a name. */
const nobody = '\u0000'

/**
 * The rules that look at this service: each of their signals can count its events, and tells it from others (it is measured
 * by service, or of this one alone).
 */
export function coveringRules<Rule extends RuleFacts>(
  rules: readonly Rule[],
  signals: Readonly<Record<string, Facts>>,
  service: string,
): Rule[] {
  return rules.filter(({ reads, where }) => {
    if (where !== undefined) return looksAt({ where, by: ['service'] }, service)
    return reads.length > 0 && reads.every((name) => looksAt(signals[name], service))
  })
}

function looksAt(signal: Facts | undefined, service: string): boolean {
  if (!signal || mayCount(signal.where, service) === false) return false
  return signal.by.includes('service') || mayCount(signal.where, nobody) === false
}

/** Whether events of the service can match; undefined where that depends on what else they are. */
function mayCount(where: string, service: string): boolean | undefined {
  if (where.trim() === '') return true
  return decide(parseTree(where), where, { 'service.name': service })
}

type Decided = boolean | undefined

function decide(node: LiqeQuery, text: string, doc: Record<string, string>): Decided {
  const at = (part: LiqeQuery) => decide(part, text, doc)
  switch (node.type) {
    case 'LogicalExpression': {
      const [left, right] = [at(node.left), at(node.right)]
      const decisive = node.operator.operator === 'OR'
      if (left === decisive || right === decisive) return decisive
      return left === undefined || right === undefined ? undefined : !decisive
    }
    case 'UnaryOperator': {
      const inner = at(node.operand)
      return inner === undefined ? undefined : !inner
    }
    case 'ParenthesizedExpression':
      return at(node.expression)
    case 'Tag': {
      const isService = node.field.type === 'Field' && names.has(node.field.name)
      if (!isService) return undefined
      return parseQuery(text.slice(node.location.start, node.location.end)).matches(doc)
    }
    default:
      return undefined
  }
}

const names = new Set(['service', 'service.name'])

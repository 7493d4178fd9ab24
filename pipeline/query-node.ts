import type { AccessLine } from './access-line.ts'
import { levels as allLevels, type Level } from './event.ts'
import { eitherNeeds, type Needs } from './query-skip.ts'

/** What a query can be put to: a line, a change, a sample (which has no message), any document of ours. */
export interface Queryable {
  message?: unknown
  [field: string]: unknown
}

/** A document with what several tests need of it, made at most once. */
export interface OpenedLine {
  doc: Queryable
  /** Undefined where it has none. */
  message: string | undefined
  json(): Record<string, unknown> | undefined
  access(): AccessLine | undefined
}

/** A part of a query, with what is known of all documents that match it; see `Query`. */
export interface Node {
  test(line: OpenedLine): boolean
  words: string[]
  needs: Needs
  levels: Level[] | undefined
  onlyLevel: boolean
  services: string[] | undefined
  asks: readonly string[]
  /** What is left of it for documents of which all that it `asks` is known: itself where that is nothing. */
  of(known: Queryable): Node
}

/** What a part is that tells nothing of what matches it. */
const vague = { words: [], needs: [], levels: undefined, services: undefined, asks: [] }

export const all: Node = { ...vague, test: () => true, onlyLevel: true, of: () => all }
/** Matches nothing. */
export const none: Node = { ...all, test: () => false, levels: [], of: () => none }

type Facts = Pick<Node, 'test'> & Partial<Node>

/** A part that asks nothing of an identity. */
export function plain(facts: Facts): Node {
  const node: Node = { ...vague, onlyLevel: false, of: () => node, ...facts }
  return node
}

/** A test of a field that is known of all documents of an identity. */
export function ofIdentity(
  field: string,
  exact: (value: unknown) => boolean,
  services: string[] | undefined,
): Node {
  return plain({
    test: ({ doc }) => exact(doc[field]),
    services,
    asks: [field],
    of: (known) => (exact(known[field]) ? all : none),
  })
}

export function negated(operand: Node): Node {
  if (operand === all) return none
  if (operand === none) return all
  const { onlyLevel, levels, asks } = operand
  const node = plain({
    test: (line) => !operand.test(line),
    levels: onlyLevel ? allLevels.filter((level) => levels && !levels.includes(level)) : undefined,
    onlyLevel,
    asks,
    of(known) {
      const left = operand.of(known)
      return left === operand ? node : negated(left)
    },
  })
  return node
}

export function both(left: Node, right: Node): Node {
  if (left === none || right === none) return none
  if (left === all || right === all) return left === all ? right : left
  const node = plain({
    test: (line) => left.test(line) && right.test(line),
    words: [...left.words, ...right.words],
    needs: [...left.needs, ...right.needs],
    levels: inBoth(left.levels, right.levels),
    onlyLevel: left.onlyLevel && right.onlyLevel,
    services: inBoth(left.services, right.services),
    asks: union(left.asks, right.asks),
    of: (known) => joined(both, [left, right], known, node),
  })
  return node
}

export function either(left: Node, right: Node): Node {
  if (left === all || right === all) return all
  if (left === none || right === none) return left === none ? right : left
  const node = plain({
    test: (line) => left.test(line) || right.test(line),
    words: left.words.filter((word) => right.words.includes(word)),
    needs: eitherNeeds(left.needs, right.needs),
    levels: left.levels && right.levels && union(left.levels, right.levels),
    onlyLevel: left.onlyLevel && right.onlyLevel,
    services: left.services && right.services && union(left.services, right.services),
    asks: union(left.asks, right.asks),
    of: (known) => joined(either, [left, right], known, node),
  })
  return node
}

function joined(
  join: (left: Node, right: Node) => Node,
  [left, right]: [Node, Node],
  known: Queryable,
  whole: Node,
): Node {
  const parts = [left.of(known), right.of(known)] as const
  return parts[0] === left && parts[1] === right ? whole : join(...parts)
}

/** Of two lists of what can be: what both allow; undefined allows anything. */
function inBoth<Item>(left: Item[] | undefined, right: Item[] | undefined): Item[] | undefined {
  return left && right ? left.filter((one) => right.includes(one)) : (left ?? right)
}

function union<Item>(left: readonly Item[], right: readonly Item[]): Item[] {
  return [...new Set([...left, ...right])]
}

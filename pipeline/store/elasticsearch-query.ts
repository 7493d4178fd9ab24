import type { LiqeQuery } from 'liqe'
import { levels } from '../event.ts'
import { parseTree } from '../query.ts'
import { exactFields, fieldOf, isOwnField } from '../query-fields.ts'
import { asWritten, valueTest, wildcards, type Tag } from '../query-value.ts'
import { documentId } from './elasticsearch-indices.ts'
import { anyOf, either, has, none, not, type Dsl } from './elasticsearch-scan.ts'

/**
 * A query of `pipeline/query.ts` as far as Elasticsearch can answer it: every document that matches is among those it finds;
 * where `exact`, there are no others. Otherwise each one found has to be put to the query itself.
 */
export interface Translation {
  /** Undefined for all documents. */
  dsl: Dsl | undefined
  exact: boolean
}

const everything: Translation = { dsl: undefined, exact: true }
const unknown: Translation = { dsl: undefined, exact: false }

/** The text has passed `parseQuery`. */
export function translate(text: string): Translation {
  return text.trim() === '' ? everything : fromTree(parseTree(text), text)
}

function fromTree(tree: LiqeQuery, text: string): Translation {
  switch (tree.type) {
    case 'EmptyExpression':
      return everything
    case 'ParenthesizedExpression':
      return fromTree(tree.expression, text)
    case 'UnaryOperator': {
      const { dsl, exact } = fromTree(tree.operand, text)
      if (!exact) return unknown
      return { dsl: dsl ? not(dsl) : none, exact }
    }
    case 'LogicalExpression': {
      const [left, right] = [fromTree(tree.left, text), fromTree(tree.right, text)]
      return tree.operator.operator === 'OR' ? any(left, right) : both(left, right)
    }
    case 'Tag':
      return fromTag(tree, text)
  }
}

function both(left: Translation, right: Translation): Translation {
  const filter = [left.dsl, right.dsl].filter((dsl) => dsl !== undefined)
  return {
    dsl: filter.length > 1 ? { bool: { filter } } : filter[0],
    exact: left.exact && right.exact,
  }
}

function any(left: Translation, right: Translation): Translation {
  const exact = left.exact && right.exact
  return { dsl: left.dsl && right.dsl && either([left.dsl, right.dsl]), exact }
}

function fromTag(tag: Tag, text: string): Translation {
  const name = tag.field.type === 'ImplicitField' ? 'message' : tag.field.name
  const field = fieldOf(name)
  if (field === 'message') return inMessage(tag, text)
  if (field === 'log.level') {
    const { exact } = valueTest(tag, text)
    return { dsl: anyOf(field, levels.filter(exact)), exact: true }
  }
  if (exactFields.has(field)) return inName(field, tag, text)
  if (isOwnField(field)) return unknown
  const { fieldWords } = valueTest(tag, text)
  return { dsl: all(fieldWords.map(wordOfField)), exact: false }
}

const all = (filter: Dsl[]): Dsl | undefined =>
  filter.length > 0 ? { bool: { filter } } : undefined

/** The literal of a tag as it stands in the query, and whether its stars are wildcards. */
function literalOf({ expression, operator }: Tag, text: string) {
  const comparison = operator?.operator
  if (expression.type !== 'LiteralExpression') return undefined
  if (comparison && comparison !== ':' && comparison !== ':=') return undefined
  const literal = asWritten(expression, text)
  return { literal, pattern: !expression.quoted && wildcards.test(literal) }
}

/** Longer ones are cut in the index (`elasticsearch-templates.ts`). */
const longestWord = 8191

function inMessage(tag: Tag, text: string): Translation {
  const found = literalOf(tag, text)
  if (!found) return unknown
  const { literal, pattern } = found
  if (literal === '*' || (pattern && /^\*+$/.test(literal))) return everything
  const words = literal.match(pattern ? /[\p{L}\p{N}*?]+/gu : /[\p{L}\p{N}]+/gu) ?? []
  if (words.length === 0) return unknown
  // Beyond ASCII this language and Lucene may differ in what the small form of a letter is.
  const plain = words.filter((word) => /^[\x21-\x7e]+$/.test(word) && word.length < longestWord)
  const exact = plain.length === words.length
  if (!pattern && exact && words.length > 1) {
    return { dsl: { match_phrase: { message: words.join(' ') } }, exact }
  }
  const filter = plain.map((word) => (pattern ? wildcard(word) : term(word)))
  return { dsl: all(filter), exact: exact && words.length === 1 }
}

const term = (word: string): Dsl => ({ term: { message: word.toLowerCase() } })

function wildcard(word: string): Dsl {
  return { wildcard: { message: { value: word.toLowerCase() } } }
}

function inName(field: string, tag: Tag, text: string): Translation {
  const found = literalOf(tag, text)
  if (field === 'event.id') {
    if (!found || found.pattern) return unknown
    return { dsl: { ids: { values: [documentId(found.literal)] } }, exact: true }
  }
  if (!found) return { dsl: has(field), exact: false }
  const { literal, pattern } = found
  if (!pattern) return { dsl: { term: { [field]: literal } }, exact: true }
  if (/^\*+$/.test(literal)) return { dsl: has(field), exact: true }
  const value = literal.replaceAll('\\', '\\\\')
  return { dsl: { wildcard: { [field]: { value } } }, exact: true }
}

/**
 * A word of a field of a message that is JSON. The message is indexed as it stands there: after an escape (`\n`) its letter
 * stands before the word, and any letter may be written by its number (`\u0061`).
 */
function wordOfField(word: string): Dsl {
  const escaped = ['n', 'r', 't', 'b', 'f'].map((letter) => `${letter}${word}`)
  return either([
    { terms: { message: [word, ...escaped] } },
    { regexp: { message: { value: 'u[0-9a-f]{4}.*' } } },
  ])
}

/** What a regular expression without any signs of its own asks of the words of the message; undefined for others. */
export function translateGrep(pattern: string): Dsl | undefined {
  if (!/^[\w /:=,;@-]+$/.test(pattern)) return undefined
  const words = pattern.toLowerCase().split(/[^a-z0-9]+/)
  const filter = words.flatMap((word, i): Dsl[] => {
    if (word === '') return []
    // The first and the last may be the end and the beginning of longer words.
    return [wildcard(`${i === 0 ? '*' : ''}${word}${i === words.length - 1 ? '*' : ''}`)]
  })
  return all(filter)
}

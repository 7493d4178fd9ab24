import { parse, type LiqeQuery } from 'liqe'
import { identityFields } from './identity.ts'
import { parseLogfmt } from './logfmt.ts'
import { ownLabel } from './own-label.ts'
import { accessFields, parseAccessLine, type AccessLine } from './access-line.ts'
import { Trouble } from './errors.ts'
import { levels as allLevels, type Level } from './event.ts'
import { exactFields, fieldOf, isIdentity, isOwnField, lookUp, marksOf } from './query-fields.ts'
import {
  all,
  both,
  either,
  negated,
  none,
  ofIdentity,
  plain,
  type Node,
  type OpenedLine,
  type Queryable,
} from './query-node.ts'
import { openSkip, type Needs } from './query-skip.ts'
import { valueTest, type Tag } from './query-value.ts'

export { parsePattern } from './pattern.ts'
export type { OpenedLine, Queryable } from './query-node.ts'

/**
 * The Lucene-like query language, the same wherever a person or a rule selects lines: `error`, `"connection refused"`,
 * `level:error`, `status:>=500`, `msg:time*`, `path:/^\/api/`, `a AND (b OR NOT c)`. Parsed by liqe; evaluated here
 * on documents; stores translate the same tree or use `words` and `levels` to choose candidates.
 *
 * - A bare word or phrase matches whole words of the message, whatever their case; a word is a run of letters and
 *   digits, `*` and `?` stand for more of them.
 * - `service`, `task`, `container`, `agent`, … and `level`, `stream` match exactly (or by wildcard).
 * - Any other field is looked up in the event, then in the message if that is a JSON object (`user.id:5`) or the access
 *   line of a web server (`status:>=500`, see `access-line.ts`); texts match by words, numbers by value. `kind`, `action`,
 *   `exit`, `oom`, `state`, `reason` are short for the fields of changes.
 */
export interface Query {
  /** The text as written. */
  text: string
  matches(doc: Queryable): boolean
  /** The same, where more is asked of the document than this. */
  matchesLine(line: OpenedLine): boolean
  /** False only where nothing in this JSON text (of one document or of many) can match; much cheaper than parsing. */
  mayMatch(json: string): boolean
  /** ASCII words, lower case, that the message of every matching line holds. */
  words: string[]
  /** What {@link Query.mayMatch} looks for beside the words. */
  needs: Needs
  /** If only lines of these levels can match. */
  levels: Level[] | undefined
  /** True if `levels` says it all: a line matches if its level is one of them (any, if undefined). */
  onlyLevel: boolean
  /** If only events of services with these names can match. */
  services: string[] | undefined
  /** Fields of the identity, as ECS names them, on which it depends whether an event matches. */
  asks: readonly string[]
  /**
   * What is left to ask of events of which these fields are known: all that it `asks`, absent where the events lack them.
   * Undefined where none of them can match.
   */
  of(known: Queryable): Query | undefined
}

const maxQueryLength = 4096

/** Throws Trouble with the place of the fault. The empty text matches everything. */
export function parseQuery(text: string): Query {
  if (text.length > maxQueryLength)
    throw new Trouble(`the query is longer than ${maxQueryLength} characters`)
  const root = text.trim() === '' ? all : compile(parseTree(text), text)
  return openQuery(root, text)
}

function openQuery(root: Node, text: string): Query {
  const made = new WeakMap<Node, Query>()
  /** Thousands of services leave the same of it. */
  function queryOf(node: Node): Query {
    const query = made.get(node) ?? toQuery(node)
    made.set(node, query)
    return query
  }
  function toQuery({ test, of, ...facts }: Node): Query {
    const words = [...new Set(facts.words)]
    return {
      ...facts,
      text,
      words,
      matches: (doc) => test(openLine(doc)),
      matchesLine: test,
      mayMatch: openSkip(words, facts.needs),
      of(known) {
        const left = of(known)
        return left === none ? undefined : queryOf(left)
      },
    }
  }
  return queryOf(root)
}

/** For stores that translate it. Throws Trouble as {@link parseQuery} does, which checks more. */
export function parseTree(text: string): LiqeQuery {
  try {
    return parse(text)
  } catch (error) {
    const at = (error as { column?: number }).column
    throw new Trouble(`cannot read the query${at ? ` at character ${at}` : ''}: ${text}`, {
      remedy: 'put values that hold spaces or signs such as / and : in double quotes',
      cause: error,
    })
  }
}

export function openLine(doc: Queryable): OpenedLine {
  const message = typeof doc.message === 'string' ? doc.message : undefined
  let parsed: Record<string, unknown> | undefined | null = null
  let access: AccessLine | undefined | null = null
  return {
    doc,
    message,
    json() {
      if (parsed === null) parsed = fieldsOf(message ?? '', parserOf(doc))
      return parsed
    },
    access() {
      if (access === null) access = mayBeAccess(doc) ? parseAccessLine(message ?? '') : undefined
      return access
    },
  }
}

/**
 * All fields of a line by the names that a query finds them by: its own, also by the short names of its identity, before
 * those of its message.
 */
export function allFields({ doc, json, access }: OpenedLine): Record<string, unknown> {
  const short = Object.entries(identityFields).flatMap(([name, field]) =>
    doc[field] === undefined ? [] : [[name, doc[field]]],
  )
  return { ...access(), ...json(), ...Object.fromEntries(short), ...doc }
}

/** Reads one field of lines, by the name that a query finds it by. */
export interface FieldReader {
  /** Undefined where the line has none. */
  read(line: OpenedLine): unknown
  /** False only where nothing in this JSON text (of one document or of many) can have it. */
  mayHave(json: string): boolean
  /** What {@link FieldReader.mayHave} looks for. */
  needs: Needs
}

export function openField(name: string): FieldReader {
  const field = fieldOf(name)
  const marks = marksOf(name, field)
  const needs = marks ? [marks] : []
  return { read: (line) => valueIn(line, name, field), mayHave: openSkip([], needs), needs }
}

/** How the service says that its messages are to be read; where it does not, they tell. */
function parserOf({ labels }: Queryable): string | undefined {
  return labels ? ownLabel(labels as Record<string, unknown>, 'parser') : undefined
}

function mayBeAccess(doc: Queryable): boolean {
  const parser = parserOf(doc)
  return parser === undefined || parser === 'access'
}

function fieldsOf(message: string, parser = 'json'): Record<string, unknown> | undefined {
  if (parser === 'logfmt') return parseLogfmt(message)
  return parser === 'json' ? parseObject(message) : undefined
}

function parseObject(message: string): Record<string, unknown> | undefined {
  if (!message.startsWith('{')) return undefined
  try {
    return JSON.parse(message) as Record<string, unknown>
  } catch {
    return undefined
  }
}

function compile(ast: LiqeQuery, text: string): Node {
  switch (ast.type) {
    case 'EmptyExpression':
      return all
    case 'ParenthesizedExpression':
      return compile(ast.expression, text)
    case 'UnaryOperator':
      return negated(compile(ast.operand, text))
    case 'LogicalExpression': {
      const [left, right] = [compile(ast.left, text), compile(ast.right, text)]
      return ast.operator.operator === 'OR' ? either(left, right) : both(left, right)
    }
    case 'Tag':
      return compileTag(ast, text)
  }
}

function compileTag(tag: Tag, text: string): Node {
  const test = valueTest(tag, text)
  const name = tag.field.type === 'ImplicitField' ? 'message' : tag.field.name
  const field = fieldOf(name)
  if (field === 'message') {
    if (tag.expression.type === 'LiteralExpression' && tag.expression.value === '*') return all
    return plain({
      test: ({ message }) => message !== undefined && test.text(message),
      words: test.words,
    })
  }
  if (isIdentity(field)) {
    return ofIdentity(field, test.exact, field === 'service.name' ? test.only : undefined)
  }
  if (exactFields.has(field)) {
    const isLevel = field === 'log.level'
    return plain({
      test: (line) => test.exact(line.doc[field]),
      levels: isLevel ? allLevels.filter((level) => test.exact(level)) : undefined,
      onlyLevel: isLevel,
    })
  }
  const marks = marksOf(name, field)
  return plain({
    test: (line) => some(valueIn(line, name, field), test.value),
    words: isOwnField(field) ? [] : test.fieldWords,
    needs: marks ? [marks] : [],
  })
}

/** `name` is as the query has it, `field` what that is short for: a message may have a field called `state`. */
function valueIn({ doc, json, access }: OpenedLine, name: string, field: string): unknown {
  const found = lookUp(doc, field) ?? (name === field ? undefined : lookUp(doc, name))
  if (found !== undefined) return found
  const parsed = json()
  if (parsed) return lookUp(parsed, field) ?? (name === field ? undefined : lookUp(parsed, name))
  return accessFields.has(name) ? access()?.[name as keyof AccessLine] : undefined
}

function some(value: unknown, test: (value: unknown) => boolean): boolean {
  return Array.isArray(value) ? value.some(test) : test(value)
}

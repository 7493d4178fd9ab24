import { parse, type LiqeQuery } from 'liqe'
import { Trouble } from './errors.ts'
import { levels as allLevels, type Level, type LogDoc } from './event.ts'
import { identityFields } from './identity.ts'
import { valueTest, type Tag } from './query-value.ts'

export { parsePattern } from './pattern.ts'

/**
 * The Lucene-like query language, the same wherever a person or a rule selects lines: `error`, `"connection refused"`,
 * `level:error`, `status:>=500`, `msg:time*`, `path:/^\/api/`, `a AND (b OR NOT c)`. Parsed by liqe; evaluated here
 * on documents; stores translate the same tree or use `words` and `levels` to choose candidates.
 *
 * - A bare word or phrase matches whole words of the message, whatever their case; a word is a run of letters and
 *   digits, `*` and `?` stand for more of them.
 * - `service`, `task`, `container`, `agent`, … and `level`, `stream` match exactly (or by wildcard).
 * - Any other field is looked up in the event, then in the message if that is a JSON object (`user.id:5`); texts
 *   match by words, numbers by value.
 */
export interface Query {
  /** The text as written. */
  text: string
  matches(doc: LogDoc): boolean
  /** ASCII words, lower case, that the message of every matching line holds. */
  words: string[]
  /** If only lines of these levels can match. */
  levels: Level[] | undefined
  /** True if `levels` says it all: a line matches if its level is one of them (any, if undefined). */
  onlyLevel: boolean
}

interface Node {
  test(line: Line): boolean
  words: string[]
  levels: Level[] | undefined
  onlyLevel: boolean
}

/** A document with what several tests need of it, made at most once. */
interface Line {
  doc: LogDoc
  json(): Record<string, unknown> | undefined
}

const all: Node = { test: () => true, words: [], levels: undefined, onlyLevel: true }
const maxQueryLength = 4096

/** Throws Trouble with the place of the fault. The empty text matches everything. */
export function parseQuery(text: string): Query {
  if (text.length > maxQueryLength)
    throw new Trouble(`the query is longer than ${maxQueryLength} characters`)
  const root = text.trim() === '' ? all : compile(parseTree(text), text)
  return {
    text,
    matches: (doc) => root.test(openLine(doc)),
    words: [...new Set(root.words)],
    levels: root.levels,
    onlyLevel: root.onlyLevel,
  }
}

function parseTree(text: string): LiqeQuery {
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

function openLine(doc: LogDoc): Line {
  let parsed: Record<string, unknown> | undefined | null = null
  return {
    doc,
    json() {
      if (parsed === null) parsed = parseObject(doc.message)
      return parsed
    },
  }
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
    case 'UnaryOperator': {
      const operand = compile(ast.operand, text)
      return {
        test: (line) => !operand.test(line),
        words: [],
        levels: operand.onlyLevel
          ? allLevels.filter((level) => operand.levels && !operand.levels.includes(level))
          : undefined,
        onlyLevel: operand.onlyLevel,
      }
    }
    case 'LogicalExpression': {
      const [left, right] = [compile(ast.left, text), compile(ast.right, text)]
      return ast.operator.operator === 'OR' ? either(left, right) : both(left, right)
    }
    case 'Tag':
      return compileTag(ast, text)
  }
}

function both(left: Node, right: Node): Node {
  return {
    test: (line) => left.test(line) && right.test(line),
    words: [...left.words, ...right.words],
    levels:
      left.levels && right.levels
        ? left.levels.filter((level) => right.levels?.includes(level))
        : (left.levels ?? right.levels),
    onlyLevel: left.onlyLevel && right.onlyLevel,
  }
}

function either(left: Node, right: Node): Node {
  return {
    test: (line) => left.test(line) || right.test(line),
    words: left.words.filter((word) => right.words.includes(word)),
    levels: left.levels && right.levels && [...new Set([...left.levels, ...right.levels])],
    onlyLevel: left.onlyLevel && right.onlyLevel,
  }
}

function compileTag(tag: Tag, text: string): Node {
  const test = valueTest(tag, text)
  const name = tag.field.type === 'ImplicitField' ? 'message' : tag.field.name
  const field = aliases[name] ?? name
  if (field === 'message') {
    if (tag.expression.type === 'LiteralExpression' && tag.expression.value === '*') return all
    return {
      test: (line) => test.text(line.doc.message),
      words: test.words,
      levels: undefined,
      onlyLevel: false,
    }
  }
  if (exactFields.has(field)) {
    return {
      test: (line) => test.exact(line.doc[field]),
      words: [],
      levels: field === 'log.level' ? allLevels.filter((level) => test.exact(level)) : undefined,
      onlyLevel: field === 'log.level',
    }
  }
  return {
    test: (line) => some(lookUp(line.doc, field) ?? lookUp(line.json(), field), test.value),
    words: knownFields.test(field) ? [] : test.fieldWords,
    levels: undefined,
    onlyLevel: false,
  }
}

const aliases: Record<string, string> = {
  ...identityFields,
  level: 'log.level',
  stream: 'log.iostream',
  host: 'host.name',
  id: 'event.id',
  sequence: 'event.sequence',
}
const exactFields = new Set<string>([
  ...Object.values(identityFields).filter((field) => field !== 'labels'),
  'log.level',
  'log.iostream',
  'event.id',
])
/** Fields of the event itself: their values do not stand in the message. */
const knownFields =
  /^(?:@timestamp|labels|tags|event|log|mesos|marathon|mesoscope|service|container|host|orchestrator)\b/

/** A field by its dotted name: as one key, or down through objects, or any mixture. */
function lookUp(value: unknown, path: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined
  const fields = value as Record<string, unknown>
  if (Object.hasOwn(fields, path)) return fields[path]
  for (let dot = path.indexOf('.'); dot > 0; dot = path.indexOf('.', dot + 1)) {
    const found = lookUp(fields[path.slice(0, dot)], path.slice(dot + 1))
    if (found !== undefined) return found
  }
  return undefined
}

function some(value: unknown, test: (value: unknown) => boolean): boolean {
  return Array.isArray(value) ? value.some(test) : test(value)
}

import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument } from 'yaml'
import type { Alias, Document, ErrorCode, Node, Pair, Scalar, YAMLMap } from 'yaml'
import type { Fault, Path } from './faults.ts'
import { quoted } from './faults.ts'
import { overlay } from './overlay.ts'

export type Environment = Record<string, string | undefined>

/** What stands in the file, with the environment's values put in, and where each value stands. */
export interface Tree {
  value: unknown
  /** Syntax errors and missing environment variables. */
  faults: Fault[]
  /** The nearest known place of a path: its own, or that of what should hold it. */
  place(path: Path): Place
  /** Lays values over the tree: mappings key by key, lists are added to the file's; they have no line. */
  lay(overrides: unknown): void
  /** Takes an item of a list, or a key of a mapping, out of the tree; those behind it move up. */
  drop(path: Path): void
}

export interface Place {
  line?: number
  /** The value as written, before the environment's values were put in; for messages. */
  written?: string
  /** The value holds something from the environment. */
  substituted?: boolean
}

/** Far above any real file, far below what aliases of aliases can grow to. */
const maxNodes = 100_000
const maxDepth = 40

interface Reading {
  document: Document
  lines: LineCounter
  env: Environment
  places: Map<string, Place>
  faults: Fault[]
  nodes: number
}

export function readTree(source: string, env: Environment): Tree {
  const lines = new LineCounter()
  // The parser's own messages quote the source, which may hold secrets.
  const document = parseDocument(source, { lineCounter: lines, prettyErrors: false })
  const faults = syntaxFaults(document, lines, source)
  const places = new Map<string, Place>([[key([]), { line: 1 }]])
  const reading = { document, lines, env, places, faults, nodes: 0 }
  const read = faults.length === 0 ? valueOf(reading, document.contents, []) : undefined
  const tree: Tree = {
    value: read ?? {},
    faults,
    place: (path) => nearest(places, path),
    lay: (overrides) => {
      tree.value = overlay(tree.value, overrides, [], (path, place) => places.set(key(path), place))
    },
    drop(path) {
      const last = path.at(-1)
      let holder = tree.value as Record<string | number, unknown> | undefined
      for (const step of path.slice(0, -1)) holder = holder?.[step] as typeof holder
      if (Array.isArray(holder) && typeof last === 'number') {
        holder.splice(last, 1)
        moveUp(places, path.slice(0, -1), last)
      } else if (holder && last !== undefined) delete holder[last]
    },
  }
  return tree
}

const key = (path: Path) => JSON.stringify(path)

/** Of a list from which the item at `index` was taken. */
function moveUp(places: Map<string, Place>, list: Path, index: number): void {
  const moved = [...places].map(([text, place]) => {
    const path = JSON.parse(text) as (string | number)[]
    const at = path[list.length]
    const isInside = list.every((step, i) => path[i] === step) && typeof at === 'number'
    if (isInside && at > index) path[list.length] = at - 1
    return [key(path), place, isInside && at === index] as const
  })
  places.clear()
  for (const [text, place, isGone] of moved) if (!isGone) places.set(text, place)
}

function nearest(places: Map<string, Place>, path: Path): Place {
  for (let length = path.length; length >= 0; length--) {
    const place = places.get(key(path.slice(0, length)))
    // What should hold the value says where it is missing, not what was written for it.
    if (place) return length === path.length ? place : { ...line(place.line) }
  }
  return {}
}

const line = (number: number | undefined) => (number === undefined ? {} : { line: number })

const sentences: Partial<Record<ErrorCode, string>> = {
  DUPLICATE_KEY: 'this key stands here twice',
  TAB_AS_INDENT: 'tabs cannot indent; use spaces',
  BAD_INDENT: 'the indentation fits nothing above it',
  MULTIPLE_DOCS: 'a second document begins here (---); one file holds one',
  BAD_ALIAS: 'the alias or anchor is not understood',
  BAD_DQ_ESCAPE: 'an escape in this text is not known; use single quotes to mean the backslash',
  BAD_SCALAR_START: 'a text cannot start with this sign; put it in quotes',
  BLOCK_AS_IMPLICIT_KEY:
    'a nested mapping must start on its own line; put texts with ": " in quotes',
  MISSING_CHAR: 'a bracket, brace, comma, colon or quote is missing',
}

/** One fault a line: the parser goes on after the first and stumbles over its rest. */
function syntaxFaults({ errors }: Document, lines: LineCounter, source: string): Fault[] {
  const faults = new Map<number, Fault>()
  for (const { code, pos } of errors) {
    const line = lines.linePos(pos[0]).line || 1
    if (!faults.has(line)) faults.set(line, { path: [], sentence: syntaxSentence(code), line })
  }
  const texts = source.split('\n')
  for (const [line, fault] of faults) {
    // `{ user: ${USER} }`: the brace ends the text there.
    const inBraces = /[{[,].*\$\{/.test(texts[line - 1] ?? '')
    if (inBraces) fault.sentence += '; inside { } and [ ] put "${…}" in quotes'
  }
  return [...faults.values()]
}

function syntaxSentence(code: ErrorCode): string {
  return `not YAML: ${sentences[code] ?? code.toLowerCase().replaceAll('_', ' ')}`
}

/** The plain value of a node; undefined where it says nothing (`signals:` without anything). */
function valueOf(reading: Reading, node: Node | null, path: Path, keyLine?: number): unknown {
  if (path.length > maxDepth || ++reading.nodes > maxNodes) return tooLarge(reading, path)
  if (isAlias(node)) return aliased(reading, node, path, keyLine)
  const start = node?.range ? reading.lines.linePos(node.range[0]).line : keyLine
  if (isScalar(node)) return scalarValue(reading, node, path, start)
  reading.places.set(key(path), line(keyLine ?? start))
  if (isMap(node)) return mapValue(reading, node, path)
  if (!isSeq(node)) return undefined
  return node.items.map((item, i) => valueOf(reading, item as Node, [...path, i]) ?? null)
}

/** Told once: aliases of aliases would tell it without end. */
function tooLarge(reading: Reading, path: Path): undefined {
  const sentence = 'holds more than any settings need; do aliases hold themselves?'
  const told = reading.faults.some((fault) => fault.sentence === sentence)
  if (!told) refuse(reading, path.slice(0, 1), sentence)
  return undefined
}

function refuse(reading: Reading, path: Path, sentence: string, startLine?: number): undefined {
  const at = startLine ?? nearest(reading.places, path).line
  reading.faults.push({ path, sentence, ...line(at) })
  return undefined
}

function aliased(reading: Reading, node: Alias, path: Path, keyLine: number | undefined) {
  const target = node.resolve(reading.document)
  if (target) return valueOf(reading, target, path, keyLine)
  const start = node.range ? reading.lines.linePos(node.range[0]).line : keyLine
  return refuse(reading, path, `there is no anchor for *${node.source.slice(0, 40)}`, start)
}

function mapValue(reading: Reading, node: YAMLMap, path: Path): Record<string, unknown> {
  const map: Record<string, unknown> = {}
  for (const { key: keyNode, value } of node.items as Pair<Node, Node | null>[]) {
    const name = isScalar(keyNode) ? String(keyNode.value) : undefined
    const keyLine = keyNode.range ? reading.lines.linePos(keyNode.range[0]).line : undefined
    if (name === undefined || name === '__proto__') {
      refuse(reading, path, 'a key here is no plain text', keyLine)
      continue
    }
    const read = valueOf(reading, value, [...path, name], keyLine)
    if (read !== undefined) map[name] = read
  }
  return map
}

function scalarValue(reading: Reading, node: Scalar, path: Path, start: number | undefined) {
  const { value, source } = node
  const place: Place = { ...line(start) }
  reading.places.set(key(path), place)
  if (value === null) return undefined
  if (typeof value !== 'string') {
    place.written = source ?? JSON.stringify(value)
    return value
  }
  place.written = quoted(value)
  const filled = fillIn(value, reading.env)
  place.substituted = filled.names > 0
  for (const name of filled.missing) {
    const sentence = `the environment has no ${name}: set it, or write \${${name}:-value} to have a default`
    reading.faults.push({ path, sentence, ...line(start) })
  }
  return filled.text
}

/** Puts environment variables in for `${NAME}` and `${NAME:-default}`; `$${NAME}` is the text itself. */
function fillIn(text: string, env: Environment) {
  const missing: string[] = []
  let names = 0
  const filled = text.replace(
    /(\$?)\$\{([A-Za-z_]\w*)(?::-([^}]*))?\}/g,
    (all, escape: string, name: string, fallback: string | undefined) => {
      if (escape) return all.slice(1)
      names++
      const value = Object.hasOwn(env, name) ? env[name] : undefined
      if (fallback !== undefined) return value || fallback
      if (value === undefined) missing.push(name)
      return value ?? ''
    },
  )
  return { text: filled, missing, names }
}

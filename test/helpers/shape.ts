/**
 * The shape of JSON texts: which keys objects have, and of which kind values are. Whether a number is written as integer or
 * with a point is part of it, and is seen only in the text.
 */

export type Kind = 'string' | 'int' | 'float' | 'boolean' | 'null' | 'object' | 'array'

/** Of all values that stood at one place. */
export interface Shape {
  kinds: Set<Kind>
  /** How many of them were objects. */
  objects: number
  /** Of these, with how many of them had it. */
  keys: Map<string, { shape: Shape; seen: number }>
  /** Of the items of all arrays; undefined if none had any. */
  items?: Shape
}

export interface ShapeOptions {
  /** Keys that are data (names of attributes, of networks, ids in names of metrics) become one. */
  key?(path: string, key: string): string
}

/** Merged over all of them. */
export function shapeOf(texts: readonly string[], options: ShapeOptions = {}): Shape {
  const shape = emptyShape()
  for (const text of texts) add(shape, parse(text), '', options)
  return shape
}

function emptyShape(): Shape {
  return { kinds: new Set(), objects: 0, keys: new Map() }
}

/** A number by how it is written. */
class Written {
  readonly kind: 'int' | 'float'

  constructor(source: string) {
    this.kind = /^-?\d+$/.test(source) ? 'int' : 'float'
  }
}

function parse(text: string): unknown {
  const revive = (_: string, value: unknown, { source }: { source?: string }) =>
    typeof value === 'number' ? new Written(source as string) : value
  // TypeScript does not know the third argument yet.
  return JSON.parse(text, revive as (key: string, value: unknown) => unknown)
}

function add(shape: Shape, value: unknown, path: string, options: ShapeOptions): void {
  shape.kinds.add(kindOf(value))
  if (Array.isArray(value)) {
    for (const item of value) add((shape.items ??= emptyShape()), item, `${path}[]`, options)
  } else if (typeof value === 'object' && value !== null && !(value instanceof Written)) {
    addObject(shape, value, path, options)
  }
}

function addObject(shape: Shape, value: object, path: string, options: ShapeOptions): void {
  shape.objects++
  const names = new Set<string>()
  for (const [key, inner] of Object.entries(value)) {
    const name = options.key?.(path, key) ?? key
    const known = shape.keys.get(name) ?? { shape: emptyShape(), seen: 0 }
    shape.keys.set(name, known)
    if (!names.has(name)) known.seen++
    names.add(name)
    add(known.shape, inner, `${path}.${name}`, options)
  }
}

function kindOf(value: unknown): Kind {
  if (value instanceof Written) return value.kind
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  return typeof value as Kind
}

/**
 * What differs between real answers and ours, a line each: keys that the real ones always have and ours has not, or not
 * always (`lacks`); keys that no real one has (`adds`); kinds that no real one has (`is`). Where the real ones are silent (an
 * array that was always empty), nothing is said.
 */
export function differences(real: Shape, ours: Shape, path = ''): string[] {
  const lines: string[] = []
  const foreign = [...ours.kinds].filter((kind) => !real.kinds.has(kind))
  if (foreign.length > 0) {
    lines.push(`${path || '.'} is ${foreign.join(', ')}, not ${[...real.kinds].join(', ')}`)
  }
  for (const [key, { seen }] of real.keys) {
    const own = ours.keys.get(key)?.seen ?? 0
    if (seen === real.objects && own < ours.objects) lines.push(`${path}.${key} lacks`)
  }
  for (const [key, { shape }] of ours.keys) {
    const known = real.keys.get(key)
    if (known) lines.push(...differences(known.shape, shape, `${path}.${key}`))
    else if (real.objects > 0) lines.push(`${path}.${key} adds`)
  }
  if (real.items && ours.items) lines.push(...differences(real.items, ours.items, `${path}[]`))
  return lines
}

/** Differences that are meant, by what their line ends with, with the reason. */
export type Exceptions = Readonly<Record<string, string>>

/** Differences that are not meant, and exceptions that no difference needs: both should be empty. */
export function unexplained(
  lines: readonly string[],
  exceptions: Exceptions,
): { lines: string[]; unused: string[] } {
  const names = Object.keys(exceptions)
  const excuses = (line: string) => names.filter((name) => line.endsWith(name))
  const used = new Set(lines.flatMap(excuses))
  return {
    lines: lines.filter((line) => excuses(line).length === 0),
    unused: names.filter((name) => !used.has(name)),
  }
}

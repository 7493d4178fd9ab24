import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'

/** Checks values against the types of Marathon's RAML files, as far as these are there. */
export interface Raml {
  /**
   * What of a value is not as `file.Type` has it: `unknown /x`, `missing /y`, `type /z`; elements of lists are `/[]`, values of
   * maps are not looked into. A type of a file that is not there is taken as anything.
   */
  faults(value: unknown, file: string, type: string): string[]
}

type Declaration =
  | string
  | {
      type?: unknown
      properties?: Record<string, Declaration>
      items?: Declaration
      enum?: unknown[]
    }

interface Library {
  uses: Record<string, string>
  types: Record<string, Declaration>
}

/** A type and the library in which its names are to be read. */
interface Typed {
  library: Library
  declaration: Declaration
}

const builtIn: Record<string, (value: unknown) => boolean> = {
  string: (value) => typeof value === 'string',
  number: (value) => typeof value === 'number',
  integer: (value) => Number.isInteger(value),
  boolean: (value) => typeof value === 'boolean',
  datetime: (value) => typeof value === 'string' && !Number.isNaN(Date.parse(value)),
  object: (value) => typeof value === 'object' && value !== null,
  array: Array.isArray,
}

export function openRaml(dir: string): Raml {
  const libraries = new Map<string, Library | undefined>()

  function library(file: string): Library | undefined {
    if (!libraries.has(file)) {
      const path = join(dir, file)
      const found = existsSync(path) ? parse(readFileSync(path, 'utf8')) : undefined
      libraries.set(file, found && { uses: found.uses ?? {}, types: found.types ?? {} })
    }
    return libraries.get(file)
  }

  /** `task.Task`, `Task` or a union; undefined for what is not there. */
  function find(from: Library, name: string): Typed | undefined {
    const [prefix, type] = name.includes('.') ? name.split('.', 2) : [undefined, name]
    const home = prefix === undefined ? from : library(from.uses[prefix] ?? '')
    const declaration = home?.types[type ?? '']
    return home && declaration !== undefined ? { library: home, declaration } : undefined
  }

  /** Undefined where it extends a type that is not there, so that there may be more. */
  function properties({ library: from, declaration }: Typed): Record<string, Typed> | undefined {
    if (typeof declaration === 'string') {
      const named = find(from, declaration)
      return named && properties(named)
    }
    const extended = typeof declaration.type === 'string' && declaration.type !== 'object'
    const parent = extended ? find(from, declaration.type as string) : undefined
    const inherited = parent ? properties(parent) : {}
    if ((extended && !parent) || inherited === undefined) return undefined
    const own = Object.entries(declaration.properties ?? {}).map(([name, property]) => [
      name,
      { library: from, declaration: property ?? 'string' },
    ])
    return { ...inherited, ...Object.fromEntries(own) }
  }

  function check(value: unknown, typed: Typed, path: string): string[] {
    const { library: from, declaration } = typed
    if (typeof declaration === 'string') return checkNamed(value, from, declaration, path)
    if (declaration.enum) return declaration.enum.includes(value) ? [] : [`type ${path}`]
    if (declaration.items !== undefined) {
      const items = { library: from, declaration: declaration.items }
      return checkList(value, items, path)
    }
    if (declaration.properties) {
      const known = properties(typed)
      return known ? checkObject(value, known, path) : []
    }
    const name = typeof declaration.type === 'string' ? declaration.type : 'string'
    return checkNamed(value, from, name, path)
  }

  function checkNamed(value: unknown, from: Library, name: string, path: string): string[] {
    const bare = name.replace(/^\((.*)\)$/, '$1')
    if (bare.includes('|')) {
      const each = bare.split('|').map((one) => checkNamed(value, from, one.trim(), path))
      return each.find((faults) => faults.length === 0) ?? each.at(-1) ?? []
    }
    if (bare.endsWith('[]')) {
      return checkList(value, { library: from, declaration: bare.slice(0, -2) }, path)
    }
    const test = builtIn[bare]
    if (test) return test(value) ? [] : [`type ${path}`]
    const typed = find(from, bare)
    return typed ? check(value, typed, path) : []
  }

  function checkList(value: unknown, items: Typed, path: string): string[] {
    if (!Array.isArray(value)) return [`type ${path}`]
    return value.flatMap((item) => check(item, items, `${path}/[]`))
  }

  function checkObject(value: unknown, known: Record<string, Typed>, path: string): string[] {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return [`type ${path}`]
    // `/.*/` stands for any name.
    if (Object.keys(known).some((name) => name.startsWith('/'))) return []
    const fields = value as Record<string, unknown>
    const missing = Object.keys(known).filter((name) => !name.endsWith('?') && !(name in fields))
    const inner = Object.entries(fields).flatMap(([name, field]) => {
      const typed = known[name] ?? known[`${name}?`]
      return typed ? check(field, typed, `${path}/${name}`) : [`unknown ${path}/${name}`]
    })
    return [...missing.map((name) => `missing ${path}/${name}`), ...inner]
  }

  return {
    faults(value, file, type) {
      const from = library(file)
      const declaration = from?.types[type]
      if (!from || declaration === undefined) throw new Error(`${file} has no type ${type}`)
      return [...new Set(check(value, { library: from, declaration }, ''))]
    },
  }
}

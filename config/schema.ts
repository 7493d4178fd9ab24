import { z } from 'zod'
import type { Path } from './faults.ts'
import type { KindMeta } from './kinds.ts'
import { settingsSchema } from './settings.ts'

/** What the schema tells of one setting, without its wrappers. */
export interface Declared {
  inner: z.ZodType
  /** As it would be written in the file. */
  fallback: unknown
  optional: boolean
  sentence: string
}

export function declared(schema: z.ZodType): Declared {
  let inner = schema
  let fallback: unknown
  let optional = false
  for (;;) {
    if (inner instanceof z.ZodPrefault) fallback = inner.def.defaultValue
    else if (inner instanceof z.ZodOptional) optional = true
    else break
    inner = inner.def.innerType as z.ZodType
  }
  return { inner, fallback, optional, sentence: schema.description ?? '' }
}

export function kindMeta(schema: z.ZodType): Partial<KindMeta> {
  return (schema.meta() ?? {}) as Partial<KindMeta>
}

/** The schema of what a mapping or list holds under `step`. */
function child(schema: z.ZodType, step: string | number): z.ZodType | undefined {
  const { inner } = declared(schema)
  if (inner instanceof z.ZodObject) return inner.shape[step] as z.ZodType | undefined
  if (inner instanceof z.ZodArray) return inner.element as z.ZodType
  return inner instanceof z.ZodRecord ? (inner.valueType as z.ZodType) : undefined
}

/** The settings there are directly under a path. */
export function keysAt(path: Path): string[] {
  let schema: z.ZodType | undefined = settingsSchema
  for (const step of path) schema = schema && child(schema, step)
  const inner = schema && declared(schema).inner
  return inner instanceof z.ZodObject ? Object.keys(inner.shape) : []
}

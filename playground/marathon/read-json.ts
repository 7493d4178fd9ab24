import type { z } from 'zod'
import { badFields, badJson, Refusal, type Violation } from './refusal.ts'

/** The body of a request as JSON, fields that are null taken as absent, as Marathon does. @throws Refusal */
export function parseJson(text: string): unknown {
  if (text.trim() === '') {
    throw new Refusal(400, {
      message: 'Please specify data in JSON format',
      details:
        'No content to map due to end-of-input\n at [Source: (String)""; line: 1, column: 0]',
    })
  }
  try {
    return withoutNulls(JSON.parse(text))
  } catch (error) {
    throw badJson((error as Error).message)
  }
}

function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls)
  if (typeof value !== 'object' || value === null) return value
  const fields = Object.entries(value).filter(([, field]) => field !== null)
  return Object.fromEntries(fields.map(([name, field]) => [name, withoutNulls(field)]))
}

/** @throws Refusal that names every field of another type. */
export function readAs<T extends z.ZodType>(schema: T, json: unknown): z.infer<T> {
  const result = schema.safeParse(json)
  if (result.success) return result.data
  throw badFields(result.error.issues.map((issue) => violation(issue, json)))
}

/** In the words of Play's JSON library. */
function violation(issue: z.core.$ZodIssue, json: unknown): Violation {
  return { path: jsonPath(issue.path), errors: [reason(issue, at(json, issue.path))] }
}

/** `/healthChecks(0)/path` */
export function jsonPath(path: readonly PropertyKey[]): string {
  const text = path.map((part) => (typeof part === 'number' ? `(${part})` : `/${String(part)}`))
  return text.join('') || '/'
}

function at(json: unknown, path: readonly PropertyKey[]): unknown {
  let value = json
  for (const part of path) value = (value as Record<PropertyKey, unknown> | undefined)?.[part]
  return value
}

const expectedTypes: Record<string, string> = {
  string: 'error.expected.jsstring',
  number: 'error.expected.jsnumber',
  int: 'error.expected.int',
  boolean: 'error.expected.jsboolean',
  array: 'error.expected.jsarray',
  object: 'error.expected.jsobject',
  record: 'error.expected.jsobject',
}

function reason(issue: z.core.$ZodIssue, value: unknown): string {
  if (value === undefined) return 'error.path.missing'
  if (issue.code === 'invalid_type') return expectedType(issue.expected, value)
  if (issue.code === 'too_small') return issue.origin === 'number' ? 'error.min' : 'error.minLength'
  if (issue.code === 'too_big') return issue.origin === 'number' ? 'error.max' : 'error.maxLength'
  if (issue.code === 'invalid_value') return 'error.unknown.enum.literal'
  return issue.code === 'invalid_format' ? 'error.pattern' : 'error.invalid'
}

function expectedType(expected: string, value: unknown): string {
  const wholeOnly = expected === 'int' && typeof value !== 'number'
  return wholeOnly ? 'error.expected.jsnumber' : (expectedTypes[expected] ?? 'error.invalid')
}

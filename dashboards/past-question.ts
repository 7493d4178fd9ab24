import type { z } from 'zod'
import { refusal } from './params.ts'

/** A question about a stretch of the past, as it is declared. Throws a refusal that names what is wrong. */
export function readPastQuestion<T extends { from: number; to: number }>(
  question: z.ZodType<T>,
  body: unknown,
): T {
  const { success, data, error } = question.safeParse(body)
  if (!success) {
    const [issue] = error.issues
    throw refusal(400, `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'no question'}`)
  }
  if (data.from > data.to) throw refusal(400, '"from" is after "to"')
  return data
}

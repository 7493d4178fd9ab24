import { Trouble } from '../../pipeline/errors.ts'

/** A refusal in the shape that programs which speak to an Alertmanager read: see {@link answerOf}. */
export interface WireRefusal extends Trouble {
  status: number
  wire: true
  /** Of Alertmanager's own check of the request's form (601: no UUID, 602: missing, 612: too few); else it is a bare text. */
  code?: number
}

export function wireRefusal(status: number, message: string, code?: number): WireRefusal {
  return Object.assign(new Trouble(message), {
    status,
    wire: true as const,
    ...(code === undefined ? {} : { code }),
  })
}

export function isWireRefusal(error: unknown): error is WireRefusal {
  return error instanceof Trouble && 'wire' in error
}

/** What is missing in a body, in Alertmanager's words: 422. */
export function missing(path: string): WireRefusal {
  return wireRefusal(422, `${path} in body is required`, 602)
}

/** A body that cannot be read, `name` is what should stand in it: 400. */
export function unreadable(name: string, why: string): WireRefusal {
  return wireRefusal(400, `parsing ${name} body from "" failed, because ${why}`, 400)
}

/** The body as JSON: `{"code":…,"message":…}`, a text, or nothing at all. */
export function answerOf({ message, code }: WireRefusal): string {
  if (message === '') return ''
  return JSON.stringify(code === undefined ? message : { code, message })
}

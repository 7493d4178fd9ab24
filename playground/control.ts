import { randomBytes, timingSafeEqual } from 'node:crypto'
import { fastify } from 'fastify'
import { z } from 'zod'
import { explain, Trouble } from '../pipeline/errors.ts'
import type { Addresses, TaskView } from './addresses.ts'
import type { Faults } from './faults/apply.ts'
import type { CaughtMail } from './mail-catcher.ts'
import type { LoadPlan } from './load-shape.ts'
import type { WriteRequest } from './marathon/state.ts'
import type { LoadSecond } from './orders.ts'

/** What the playground can be asked for and told over HTTP, on this machine, by whoever knows its token. */
export interface Control {
  url: string
  token: string
  close(): Promise<void>
}

export interface ControlOptions {
  /** 0: any free one. */
  port: number
  addresses(): Omit<Addresses, 'control'>
  faults: Pick<Faults, 'list' | 'apply'>
  mails(): CaughtMail[]
  tasks(): TaskView[]
  load(): { plan: LoadPlan; ledger: LoadSecond[] }
  /** What clients of Marathon asked to be changed. */
  writes(): readonly WriteRequest[]
}

const host = '127.0.0.1'
const prefix = '/api/playground'

const faultRequest = z.strictObject({
  name: z.string(),
  service: z.string().optional(),
  amount: z.number().optional(),
  seconds: z.number().optional(),
})

/** Throws a {@link Trouble} where it cannot listen. */
export async function openControl(options: ControlOptions): Promise<Control> {
  const token = randomBytes(24).toString('base64url')
  const app = fastify({ bodyLimit: 64 * 1024 })
  const expected = Buffer.from(`Bearer ${token}`)

  app.addHook('onRequest', async ({ headers }, reply) => {
    if (isSame(headers.authorization, expected)) return undefined
    return reply.code(401).send({
      error: 'this is for who knows the token of the playground',
      remedy: 'read it in playground.json, in its directory',
    })
  })
  app.setErrorHandler((error, _, reply) => {
    const { code, body } = refusal(error)
    void reply.code(code).send(body)
  })

  app.get(prefix, () => ({ ...options.addresses(), control: url }))
  app.get(`${prefix}/faults`, () => ({ faults: options.faults.list() }))
  app.post(`${prefix}/faults`, async ({ body }) => ({
    done: await options.faults.apply(parseRequest(body)),
  }))
  app.get(`${prefix}/mails`, () => ({ mails: options.mails() }))
  app.get(`${prefix}/tasks`, () => ({ tasks: options.tasks() }))
  app.get(`${prefix}/load`, () => options.load())
  app.get(`${prefix}/writes`, () => ({ writes: options.writes() }))

  let url = ''
  try {
    url = await app.listen({ host, port: options.port })
  } catch (error) {
    throw new Trouble(`the playground cannot listen on port ${options.port}: ${explain(error)}`, {
      remedy: 'choose another one with --port',
      cause: error,
    })
  }
  return { url, token, close: () => app.close() }
}

function isSame(given: string | undefined, expected: Buffer): boolean {
  const bytes = Buffer.from(given ?? '')
  return bytes.length === expected.length && timingSafeEqual(bytes, expected)
}

function parseRequest(body: unknown) {
  const parsed = faultRequest.safeParse(body)
  if (parsed.success) return parsed.data
  throw new Trouble(`that is no fault: ${z.prettifyError(parsed.error).replaceAll('\n', ' ')}`, {
    remedy: 'send {"name": …, "service": …, "amount": …, "seconds": …}, all but the name optional',
  })
}

function refusal(error: unknown): { code: number; body: { error: string; remedy?: string } } {
  if (error instanceof Trouble) {
    const remedy = error.remedy === undefined ? {} : { remedy: error.remedy }
    return { code: error.retryable ? 503 : 400, body: { error: error.message, ...remedy } }
  }
  const code = (error as { statusCode?: number }).statusCode ?? 500
  return { code, body: { error: explain(error) } }
}

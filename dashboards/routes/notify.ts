import type { FastifyInstance } from 'fastify'
import { Trouble } from '../../pipeline/errors.ts'
import type { Answers } from '../api.ts'
import { refusal } from '../params.ts'
import type { Context } from '../server.ts'

/** Tests of receivers: whoever is named is told that nothing is wrong. */
export function notifyRoutes(app: FastifyInstance, { desk }: Context): void {
  app.post('/api/notify/test', async ({ body }): Promise<Answers['/api/notify/test']> => {
    if (!desk) throw refusal(501, 'this process knows nobody who could be told')
    const receiver = receiverOf(body)
    try {
      return { results: await desk.test(receiver) }
    } catch (error) {
      if (!(error instanceof Trouble)) throw error
      throw refusal(404, error.message, error.remedy)
    }
  })
}

/** Undefined: all. */
function receiverOf(body: unknown): string | undefined {
  const given = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>
  const { receiver, ...others } = given
  const isText = receiver === undefined || (typeof receiver === 'string' && receiver.length <= 200)
  if (!isText || Object.keys(others).length > 0) {
    throw refusal(400, 'this is no request for a test', 'expected {"receiver": "name"}, or {}')
  }
  return receiver
}

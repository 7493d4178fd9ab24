import type { FastifyInstance } from 'fastify'
import type { Answers } from '../api.ts'
import { refusal } from '../params.ts'
import type { Context } from '../server.ts'

/** The demo's mail catcher and its buttons to break something. Elsewhere both are empty. */
export function demoRoutes(app: FastifyInstance, { mails, faults }: Context): void {
  app.get('/api/mails', async (): Promise<Answers['/api/mails']> => {
    const caught = (await mails?.()) ?? []
    return {
      demo: mails !== undefined,
      mails: caught.toSorted((a, b) => b.receivedAt - a.receivedAt),
    }
  })
  app.get('/api/demo/faults', async (): Promise<Answers['/api/demo/faults']> => {
    return { demo: faults !== undefined, faults: (await faults?.list()) ?? [] }
  })
  app.post('/api/demo/faults', async (request) => {
    if (!faults) throw refusal(404, 'there is nothing to break here', 'start the demo: npm start')
    const name = (request.body as Record<string, unknown> | null)?.['name']
    const known = await faults.list()
    const fault = known.find((fault) => fault.name === name)
    if (!fault) {
      const names = known.map((fault) => fault.name).join(', ')
      throw refusal(400, `"${String(name).slice(0, 40)}" is no fault`, `faults are ${names}`)
    }
    const done = await faults.apply(fault.name)
    return { applied: fault.name, done: done ?? fault.sentence }
  })
}

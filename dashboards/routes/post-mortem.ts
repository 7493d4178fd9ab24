import type { FastifyInstance } from 'fastify'
import { findPostMortem } from '../../pipeline/post-mortem/find.ts'
import { rowsOfPostMortem } from '../../pipeline/post-mortem/words.ts'
import type { Answers } from '../api.ts'
import { readParams, refusal } from '../params.ts'
import type { Context } from '../server.ts'

/** Why a task ended; several that are meant are listed. */
export function postMortemRoutes(app: FastifyInstance, { store, clock, timed }: Context): void {
  app.get('/api/tasks/why', async (request): Promise<Answers['/api/tasks/why']> => {
    const task = readParams(request.query, ['task'], clock.now()).text('task')
    if (task === undefined) throw refusal(400, '"task" is missing', 'name a task')
    const { matches, postMortem } = await timed('docs', () => findPostMortem(store, task))
    if (!postMortem) return { matches }
    return { matches, postMortem, rows: rowsOfPostMortem(postMortem) }
  })
}

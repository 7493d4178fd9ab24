import type { FastifyInstance } from 'fastify'
import type { DeadLetter } from '../../pipeline/event.ts'
import type { TimeRange } from '../../pipeline/store/store.ts'
import type { Answers, DeadView } from '../api.ts'
import { readParams, refusal } from '../params.ts'
import type { Context } from '../server.ts'

/** What was not understood or refused, and the way back for what was only refused. */
export function deadRoutes(app: FastifyInstance, context: Context): void {
  const { store, clock, timed, redrive } = context
  const lettersOf = async (query: { query?: string; limit: number } & TimeRange) =>
    (await timed('docs', () => store.docs('dead', query))) as DeadLetter[]

  app.get('/api/dead', async (request): Promise<Answers['/api/dead']> => {
    const params = readParams(request.query, ['from', 'to', 'limit'], clock.now())
    const query = { ...params.range(), limit: params.integer('limit', limits) }
    return { dead: (await lettersOf(query)).map(shown) }
  })

  app.post('/api/dead/redrive', async (request): Promise<Answers['/api/dead/redrive']> => {
    if (!redrive) throw refusal(501, 'this process has no bus to give dead letters back to')
    const asked = readAsked(request.body)
    const letters = asked.ids
      ? (await Promise.all(asked.ids.map((id) => lettersOf(withId(id))))).flat()
      : (await lettersOf({ ...asked.range, limit: limits.max })).filter(
          (letter) => letter['redriven'] === undefined && letter.reason.includes(asked.reason),
        )
    if (letters.length === 0) throw refusal(404, 'there are no such dead letters')
    return asked.dry ? preview(letters) : { ...(await redrive(letters, asked.by)), dry: false }
  })
}

const limits = { min: 1, max: 1000, unset: 200 }
const maxIds = 100

/** Ids are ours, but hold what collectors named: they are data in a query. */
function withId(id: string) {
  return { query: `id:"${id.replace(/["\\]/g, '\\$&')}"`, limit: 1 }
}

interface Asked {
  ids?: string[]
  range: TimeRange
  reason: string
  by: string
  dry: boolean
}

function readAsked(body: unknown): Asked {
  const given = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>
  const known = ['ids', 'from', 'to', 'reason', 'by', 'dry']
  const odd = Object.keys(given).find((name) => !known.includes(name))
  if (odd !== undefined) {
    throw refusal(400, `unknown field "${odd.slice(0, 40)}"`, `known are ${known.join(', ')}`)
  }
  const { ids, from, to, reason = '', by = 'somebody', dry = false } = given
  const texts = [reason, by].every((text) => typeof text === 'string' && text.length <= 200)
  const times = [from, to].every((time) => time === undefined || Number.isFinite(time))
  if (!texts || !times || typeof dry !== 'boolean') {
    throw refusal(400, 'this is no request for a re-drive', 'texts of 200 characters, times in ms')
  }
  const isList = Array.isArray(ids) && ids.every((id) => typeof id === 'string')
  if (ids !== undefined && (!isList || ids.length === 0 || ids.length > maxIds)) {
    throw refusal(400, `"ids" is a list of at most ${maxIds} ids`)
  }
  return {
    ...(ids === undefined ? {} : { ids }),
    range: {
      ...(from === undefined ? {} : { from: from as number }),
      ...(to === undefined ? {} : { to: to as number }),
    },
    reason: reason as string,
    by: by as string,
    dry,
  }
}

/** Its bytes are for whoever gives it back. */
function shown({ original, ...letter }: DeadLetter): DeadView {
  return { ...letter, redrivable: original !== undefined }
}

function preview(letters: readonly DeadLetter[]): Answers['/api/dead/redrive'] {
  const views = letters.map(shown)
  return {
    dry: true,
    sent: views.filter((one) => one.redrivable).map((one) => one['event.id']),
    impossible: views
      .filter((one) => !one.redrivable)
      .map((one) => ({ id: one['event.id'], reason: 'its original is not kept' })),
  }
}

import { explain } from '../../../pipeline/errors.ts'
import { Refusal } from '../refusal.ts'
import type { Context, Route } from './context.ts'
import { accepts, type Answer, type Asked } from './exchange.ts'
import { appRoutes } from './routes-apps.ts'
import { groupRoutes } from './routes-groups.ts'
import { podRoutes } from './routes-pods.ts'
import { ping, systemRoutes } from './routes-system.ts'
import { taskRoutes } from './routes-tasks.ts'

/** The first that fits answers: those of tasks before those of apps, whose ids may be anything. */
const routes: Route[] = [...taskRoutes, ...appRoutes, ...podRoutes, ...groupRoutes, ...systemRoutes]

/** What the leading instance answers. Never throws. */
export function answerApi(context: Context, asked: Asked): Answer {
  if (asked.path === '/ping') return ping(asked)
  const answer = answerRoute(context, asked)
  if (asked.method !== 'GET' && asked.method !== 'HEAD') note(context, asked, answer)
  return answer
}

const keptWrites = 1000

/** For whoever has to account for what was asked. */
function note({ state }: Context, { method, path, query, body }: Asked, { status }: Answer): void {
  const force = query.get('force') === 'true'
  state.writes.push({
    at: state.clock.now(),
    method,
    path,
    force,
    body: body.slice(0, 1000),
    status,
  })
  if (state.writes.length > keptWrites) state.writes.shift()
}

function answerRoute(context: Context, asked: Asked): Answer {
  try {
    const answer = dispatch(context, asked)
    context.core.kick()
    return answer
  } catch (error) {
    if (error instanceof Refusal) return { status: error.status, body: error.body }
    context.state.log.error({ error }, `Marathon of the playground: ${explain(error)}`)
    return { status: 500, body: { message: explain(error) } }
  }
}

function dispatch(context: Context, asked: Asked): Answer {
  const fitting = routes.filter(({ path }) => path.test(asked.path))
  // Marathon answers so for what it has no route for.
  if (fitting.length === 0) throw new Refusal(500, { message: 'URI not found' })
  const route =
    fitting.find(({ method }) => method === asked.method) ??
    fitting.find(({ method }) => method === 'GET' && asked.method === 'HEAD')
  if (!route) throw new Refusal(405, { message: 'Method Not Allowed' })
  checkTypes(asked)
  const ids = route.path.exec(asked.path)?.slice(1) ?? []
  return route.handle(context, asked, ...ids)
}

/** JSON in, JSON out: text of tasks is not made since 1.10. */
function checkTypes({ headers, body }: Asked): void {
  if (!accepts(headers.accept, 'application/json')) {
    throw new Refusal(406, { message: 'Not Acceptable' })
  }
  const type = headers['content-type']?.split(';')[0]?.trim().toLowerCase()
  if (body !== '' && type !== undefined && type !== 'application/json') {
    throw new Refusal(415, { message: 'Unsupported Media Type' })
  }
}

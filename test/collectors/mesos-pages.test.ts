import test, { type ExecutionContext } from 'ava'
import { openMesosApi } from '../../collectors/mesos-ask.ts'
import { readTaskPages } from '../../collectors/mesos-pages.ts'
import { openHttp } from '../../pipeline/http.ts'
import { json, openHttpServer } from '../helpers/http-server.ts'

/** Answers `/tasks` as a master does: newest first, `limit` from `offset` on. `between` runs after each page. */
async function openTasks(
  t: ExecutionContext,
  count: number,
  between: (tasks: object[], page: number) => void,
) {
  const tasks: object[] = Array.from({ length: count }, (_, n) => taskOf(count - n))
  let page = 0
  const server = await openHttpServer(t, ({ url }, response) => {
    const { pathname, searchParams: query } = new URL(url, 'http://master')
    if (pathname !== '/tasks' || query.get('order') !== 'desc') return response.writeHead(404).end()
    const [limit, offset] = [Number(query.get('limit')), Number(query.get('offset'))]
    json(response, { tasks: tasks.slice(offset, offset + limit) })
    return between(tasks, ++page)
  })
  const client = openHttp({ urls: [server.url], name: 'the Mesos master' })
  t.teardown(() => client.close())
  return { server, api: openMesosApi(client, 'the Mesos master') }
}

const taskOf = (n: number) => ({
  id: `t.${n}`,
  framework_id: 'F',
  state: 'TASK_RUNNING',
  statuses: [{ state: 'TASK_RUNNING', timestamp: 1_795_377_000 + n }],
})

const small = { size: 100, shared: 10 }

test('all pages, each task once', async (t) => {
  const { api, server } = await openTasks(t, 1234, () => {})
  const read = await readTaskPages(api, 0, small)
  t.is(read.tasks.length, 1234)
  t.true(read.complete)
  t.deepEqual(read.problems, [])
  t.is(server.asked.length, 14)
})

test('tasks that come while it reads push the others back: none is missing, none twice', async (t) => {
  const { api } = await openTasks(t, 500, (tasks, page) => {
    for (let n = 0; n < 7; n++) tasks.unshift(taskOf(1000 + page * 10 + n))
  })
  const { tasks, complete } = await readTaskPages(api, 0, small)
  t.true(complete)
  const ids = new Set(tasks.map(({ id }) => id))
  t.is(ids.size, tasks.length)
  t.true(Array.from({ length: 500 }, (_, n) => ids.has(`t.${n + 1}`)).every(Boolean))
})

test('tasks that go while it reads: few are within the overlap, many are noticed', async (t) => {
  const few = await openTasks(t, 500, (tasks) => void tasks.splice(0, 3))
  const read = await readTaskPages(few.api, 0, small)
  t.true(read.complete)
  t.true(read.tasks.some(({ id }) => id === 't.1'))
  const many = await openTasks(t, 500, (tasks, page) => void (page === 1 && tasks.splice(0, 50)))
  t.false((await readTaskPages(many.api, 0, small)).complete)
})

test('no tasks, and a master that refuses', async (t) => {
  const none = await openTasks(t, 0, () => {})
  t.like(await readTaskPages(none.api, 0), { tasks: [], complete: true })
  const server = await openHttpServer(t, (_, response) => response.writeHead(403).end('may not'))
  const client = openHttp({ urls: [server.url], name: 'the Mesos master' })
  t.teardown(() => client.close())
  const read = await readTaskPages(openMesosApi(client, 'the Mesos master'), 0)
  t.like(read, { complete: false, refused: { refused: 403 } })
})

import test, { type ExecutionContext } from 'ava'
import type { ServerResponse } from 'node:http'
import { pathOf, scale, type ScaleResult } from '../../autoscaling/marathon.ts'
import { openHttp } from '../../pipeline/http.ts'
import { openHttpServer, type Asked, type Handler } from '../helpers/http-server.ts'

const change = { service: '/shop/web', from: 2, to: 5 }

const app = (instances: unknown, deployments: unknown = []) =>
  JSON.stringify({ app: { id: '/shop/web', instances, deployments } })

const locked = {
  message:
    "App is locked by one or more deployments. Override with the option '?force=true'. View details at '/v2/deployments/<DEPLOYMENT_ID>'.",
  deployments: [{ id: '97c136bf' }],
}

function json(response: ServerResponse, status: number, body: unknown, headers = {}) {
  response.writeHead(status, { 'content-type': 'application/json', ...headers })
  response.end(typeof body === 'string' ? body : JSON.stringify(body))
}

/** A Marathon that has the app, and answers a change as it is told. */
async function ask(t: ExecutionContext, patch: Handler, get?: Handler, timeoutMs = 60_000) {
  const server = await openHttpServer(t, (request: Asked, response) => {
    if (request.method === 'PATCH') return patch(request, response)
    if (get) return get(request, response)
    json(response, 200, app(2))
  })
  const http = openHttp({ urls: [server.url], name: 'Marathon', timeoutMs })
  t.teardown(() => http.close())
  return { result: await scale(http, change), server }
}

test('after a fresh look only the instances are sent', async (t) => {
  const { result, server } = await ask(t, (_request, response) => {
    json(response, 200, { version: '2026-11-22T18:00:00.000Z', deploymentId: '867ed450' })
  })
  t.deepEqual(result, { done: true, answer: { status: 200, deployment: '867ed450' } })
  t.deepEqual(
    server.asked.map(({ method, url, body }) => `${method} ${url} ${body}`),
    ['GET /v2/apps/shop/web ', 'PATCH /v2/apps/shop/web {"instances":5}'],
  )
  t.is(server.asked[1]?.headers['content-type'], 'application/json')
})

test('the deployment may be named in the header alone', async (t) => {
  const { result } = await ask(t, (_request, response) => {
    json(response, 200, {}, { 'Marathon-Deployment-Id': '867ed450' })
  })
  t.deepEqual(result, { done: true, answer: { status: 200, deployment: '867ed450' } })
})

interface Refused {
  title: string
  status?: number
  body?: unknown
  expected: Partial<Extract<ScaleResult, { done: false }>>
}

const refusals: Refused[] = [
  {
    title: 'a lock is told with its deployment',
    status: 409,
    body: locked,
    expected: {
      outcome: 'failed',
      reason: 'locked',
      because: 'Marathon answered 409, locked by deployment 97c136bf',
      lasting: false,
    },
  },
  {
    title: 'a lock without a deployment',
    status: 409,
    body: { message: 'App is locked by one or more deployments.' },
    expected: {
      reason: 'locked',
      because: 'Marathon answered 409: App is locked by one or more deployments.',
    },
  },
  {
    title: 'too many deployments',
    status: 403,
    body: { message: 'Max number (100) of running deployments is achieved. Wait for existing…' },
    expected: { reason: 'deployment-limit', lasting: false },
  },
  {
    title: 'who may not',
    status: 403,
    body: { message: 'Not Authorized to perform this action!' },
    expected: { reason: 'refused', lasting: true },
  },
  {
    title: 'who is not known',
    status: 401,
    body: { message: 'Invalid username or password.' },
    expected: {
      reason: 'refused',
      because: 'Marathon answered 401: Invalid username or password.',
      lasting: true,
    },
  },
  {
    title: 'an invalid app, with what is wrong',
    status: 422,
    body: {
      message: 'Object is not valid',
      details: [{ path: '/instances', errors: ['too many', 'really'] }],
    },
    expected: {
      reason: 'refused',
      because: 'Marathon answered 422: Object is not valid: /instances too many, really',
      answer: { status: 422, message: 'Object is not valid: /instances too many, really' },
      lasting: true,
    },
  },
  {
    title: 'an app that is gone',
    status: 404,
    body: { message: "App '/shop/web' does not exist" },
    expected: {
      reason: 'no-service',
      because: "Marathon answered 404: App '/shop/web' does not exist",
    },
  },
  {
    title: 'no leader',
    status: 503,
    body: { message: 'Leadership unavailable' },
    expected: { reason: 'marathon-away', because: 'Marathon answered 503: Leadership unavailable' },
  },
  {
    title: 'a page of a proxy instead of an answer',
    status: 200,
    body: '<html><body><h1>Log in</h1></body></html>',
    expected: {
      reason: 'marathon-away',
      because: 'Marathon answered 200: HTML instead of JSON: Log in',
    },
  },
  {
    title: 'a page with an error',
    status: 502,
    body: '<html><body>Could not determine the current leader</body></html>',
    expected: { reason: 'marathon-away', outcome: 'failed' },
  },
  {
    title: 'nothing',
    status: 200,
    body: '',
    expected: { reason: 'marathon-away', because: 'Marathon answered 200: an empty body' },
  },
  {
    title: 'no answer in time',
    expected: { reason: 'marathon-away', outcome: 'failed', lasting: false },
  },
]

for (const { title, status, body, expected } of refusals) {
  test(`what Marathon says is the result, nothing is overridden: ${title}`, async (t) => {
    const patch: Handler = (_request, response) => {
      if (status !== undefined) json(response, status, body)
    }
    const { result, server } = await ask(t, patch, undefined, status === undefined ? 2000 : 60_000)
    t.false(result.done)
    t.like(result, expected)
    const patches = server.asked.filter(({ method }) => method === 'PATCH')
    t.is(patches.length, 1, 'asked once')
    t.true(server.asked.every(({ url }) => !url.includes('force')))
    t.true(server.asked.every(({ method }) => method === 'GET' || method === 'PATCH'))
  })
}

const looks: { title: string; status: number; body: unknown; expected: object }[] = [
  {
    title: 'a deployment has begun',
    status: 200,
    body: app(2, [{ id: '97c136bf' }]),
    expected: {
      outcome: 'held',
      reason: 'deployment-running',
      because: 'deployment 97c136bf was begun meanwhile',
    },
  },
  {
    title: 'somebody has changed it',
    status: 200,
    body: app(4),
    expected: {
      outcome: 'held',
      reason: 'changed-meanwhile',
      because: '4 instances are wanted by now, not 2 as when 5 was decided',
    },
  },
  {
    title: 'it is gone',
    status: 404,
    body: { message: "App '/shop/web' does not exist" },
    expected: { outcome: 'failed', reason: 'no-service' },
  },
  {
    title: 'an app of another shape',
    status: 200,
    body: app('2'),
    expected: { outcome: 'failed', reason: 'marathon-away' },
  },
  {
    title: 'a list',
    status: 200,
    body: [],
    expected: { outcome: 'failed', reason: 'marathon-away' },
  },
  {
    title: 'HTML',
    status: 200,
    body: '<html>',
    expected: { outcome: 'failed', reason: 'marathon-away' },
  },
]

for (const { title, status, body, expected } of looks) {
  test(`what the fresh look shows keeps it from being sent: ${title}`, async (t) => {
    const { result, server } = await ask(
      t,
      () => t.fail('nothing is to be sent'),
      (_request, response) => json(response, status, body),
    )
    t.like(result, expected)
    t.deepEqual(
      server.asked.map(({ method }) => method),
      ['GET'],
    )
  })
}

test('ids of any depth and with any sign are one path', (t) => {
  t.is(pathOf('/web'), '/v2/apps/web')
  t.is(pathOf('/a/b/c/d'), '/v2/apps/a/b/c/d')
  t.is(pathOf('/a/b c?x=1#y'), '/v2/apps/a/b%20c%3Fx%3D1%23y')
})

test('an id that a URL would lead elsewhere is not asked for', async (t) => {
  const server = await openHttpServer(t, () => t.fail('nothing is to be asked'))
  const http = openHttp({ urls: [server.url], name: 'Marathon' })
  t.teardown(() => http.close())
  const result = await scale(http, { ...change, service: '/a/../b' })
  t.like(result, { outcome: 'failed', because: '/a/../b is no id of an app' })
})

import { once } from 'node:events'
import { createServer, request } from 'node:http'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { serve, type Face } from '../../playground/misbehave.ts'
import { removeDir, tempDir, until } from './container-logs.ts'

async function open(t: ExecutionContext, port = 0): Promise<Face> {
  const face = await serve((_, response) => response.end('{"fine":true}'), { port })
  t.teardown(() => face.close())
  return face
}

/** Status and body, or why there was no answer. */
async function ask(url: string): Promise<[number, string] | string> {
  try {
    const response = await fetch(url, { headers: { connection: 'close' } })
    return [response.status, await response.text()]
  } catch (error) {
    const { cause } = error as { cause?: { code?: string } }
    return cause?.code ?? String(error)
  }
}

test('told to, it answers with a page or 503, and then works again', async (t) => {
  const face = await open(t)
  const fine: [number, string] = [200, '{"fine":true}']
  t.deepEqual(await ask(face.url), fine)
  face.misbehave('html')
  const [status, body] = (await ask(face.url)) as [number, string]
  t.is(status, 200)
  t.regex(body, /^<!DOCTYPE html>/)
  face.misbehave('503')
  t.deepEqual(await ask(face.url), [503, 'Service Unavailable\n'])
  face.misbehave(undefined)
  t.deepEqual(await ask(face.url), fine)
})

test('away, nobody listens and streams are cut off; back, it has the same port', async (t) => {
  const face = await serve((_, response) => void response.write('begun'), { port: 0 })
  t.teardown(() => face.close())
  const response = await fetch(face.url)
  const reader = response.body?.getReader()
  await reader?.read()
  face.misbehave('away')
  await t.throwsAsync(async () => reader?.read())
  await until('a refusal', async () => (await ask(face.url)) === 'ECONNREFUSED')
  face.misbehave(undefined)
  await until('it to be back', async () => {
    const again = await fetch(face.url).catch(() => undefined)
    await again?.body?.cancel()
    return again?.status === 200
  })
  t.pass()
})

test('should somebody have taken its port meanwhile, it waits until that is free', async (t) => {
  const face = await open(t)
  face.misbehave('away')
  await until('a refusal', async () => (await ask(face.url)) === 'ECONNREFUSED')
  const other = createServer((_, response) => response.end('other'))
  other.listen(Number(new URL(face.url).port), '127.0.0.1')
  await once(other, 'listening')
  face.misbehave(undefined)
  t.deepEqual(await ask(face.url), [200, 'other'])
  other.close()
  await until('it to be back', async () => (await ask(face.url))[1] === '{"fine":true}')
})

test('it listens on a unix socket, also where a killed one has left its own', async (t) => {
  const dir = await tempDir()
  t.teardown(() => removeDir(dir))
  const socket = join(dir, 'docker.sock')
  const first = await serve((_, response) => response.end('first'), { socket })
  const second = await serve((_, response) => response.end('second'), { socket })
  t.teardown(() => Promise.all([first.close(), second.close()]))
  const asked = request({ socketPath: socket, path: '/' }).end()
  const [response] = (await once(asked, 'response')) as [AsyncIterable<Buffer>]
  for await (const chunk of response) t.is(chunk.toString(), 'second')
})

test('a port that is taken is refused', async (t) => {
  const face = await open(t)
  const port = Number(new URL(face.url).port)
  await t.throwsAsync(
    serve(() => {}, { port }),
    { code: 'EADDRINUSE' },
  )
})

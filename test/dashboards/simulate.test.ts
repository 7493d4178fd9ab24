import { once } from 'node:events'
import { connect } from 'node:net'
import test from 'ava'
import { pause } from '../../pipeline/clock.ts'
import { Trouble } from '../../pipeline/errors.ts'
import type { SimulationLine, SimulationQuestion } from '../../pipeline/simulation.ts'
import { open } from './open.ts'

const question = {
  service: '/shop/web',
  policy: { text: 'max: 3', file: 'policy.yaml' },
  from: 1000,
  to: 2000,
  capacity: { requests: 30 },
}

const ask = (url: string, body: unknown) =>
  fetch(`${url}/api/scaling/simulate`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-mesoscope': '1' },
    body: JSON.stringify(body),
  })

test('how far it is comes line by line, and what goes wrong last', async (t) => {
  const asked: SimulationQuestion[] = []
  const { url } = await open(t, {
    async *simulate(given) {
      asked.push(given)
      yield { progress: 0.5 }
      throw new Trouble('the records are gone', { remedy: 'name a later time' })
    },
  })
  const response = await ask(url, question)
  t.is(response.status, 200)
  const lines = (await response.text()).trim().split('\n')
  t.deepEqual(
    lines.map((line) => JSON.parse(line) as SimulationLine),
    [{ progress: 0.5 }, { error: 'the records are gone', remedy: 'name a later time' }],
  )
  t.deepEqual(asked, [question])
})

const refused: [string, unknown, RegExp][] = [
  ['no service', { ...question, service: '' }, /service/],
  ['a time that is none', { ...question, from: -1 }, /from/],
  ['from after to', { ...question, from: 3000 }, /"from" is after "to"/],
  ['a capacity of nothing', { ...question, capacity: { requests: 0 } }, /capacity\.requests/],
  ['too long a policy', { ...question, policy: { text: 'x'.repeat(10_001), file: 'f' } }, /policy/],
  ['something else beside it', { ...question, also: 1 }, /also/],
  ['no question', 'policy', /./],
]

test('what is no question is told where, before anything is read', async (t) => {
  const { url } = await open(t, {
    // eslint-disable-next-line require-yield
    async *simulate() {
      throw new Trouble('policy.yaml:1: max: is missing', { remedy: 'correct the policy' })
    },
  })
  for (const [what, body, expected] of refused) {
    const response = await ask(url, body)
    t.is(response.status, 400, what)
    t.regex(((await response.json()) as { error: string }).error, expected, what)
  }
  const faulty = await ask(url, question)
  t.is(faulty.status, 400)
  t.like(await faulty.json(), { error: 'policy.yaml:1: max: is missing' })
})

test('a process without a bus says so', async (t) => {
  const { url } = await open(t)
  t.is((await ask(url, question)).status, 501)
})

test('the longest policy is taken, whatever it is written in', async (t) => {
  const { url } = await open(t, {
    async *simulate() {
      yield { progress: 1 }
    },
  })
  const text = `max: 3 # ${'ü"'.repeat(4990)}`
  t.is((await ask(url, { ...question, policy: { text, file: 'f' } })).status, 200)
})

test('who hangs up before the first line leaves nothing running', async (t) => {
  const begun = Promise.withResolvers<void>()
  const hungUp = Promise.withResolvers<void>()
  const ended = Promise.withResolvers<string>()
  const { url } = await open(t, {
    async *simulate() {
      try {
        begun.resolve()
        await hungUp.promise
        yield { progress: 0.1 }
        yield { progress: 0.2 }
      } finally {
        ended.resolve('ended')
      }
    },
  })
  const { port } = new URL(url)
  const body = JSON.stringify(question)
  const socket = connect({ port: Number(port), host: '127.0.0.1' })
  socket.write(
    `POST /api/scaling/simulate HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nx-mesoscope: 1\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  )
  await begun.promise
  socket.destroy()
  // The server has to have seen it.
  await once(socket, 'close')
  await pause(100)
  hungUp.resolve()
  t.is(await Promise.race([ended.promise, pause(5000)]), 'ended')
})

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import type { PlaygroundStart, PlaygroundView } from '../../cli/parts.ts'
import { pause } from '../../pipeline/clock.ts'
import { directory, openTerminal } from './terminal.ts'

/* Faults of a running playground are caused in test/playground/spawn.test.ts. */

const view: PlaygroundView = {
  masters: ['http://127.0.0.1:5050', 'http://127.0.0.1:5051'],
  agents: [
    {
      hostname: 'agent-1.playground',
      url: 'http://127.0.0.1:5052',
      dockerSocket: '/d.sock',
      dockerRoot: '/docker',
      workDir: '/mesos',
    },
  ],
  marathons: ['http://127.0.0.1:8080'],
  mailCatcher: { host: '127.0.0.1', port: 2525 },
  balancer: 'http://127.0.0.1:8000',
  control: 'http://127.0.0.1:9000',
}

test('playground starts it in its directory, tells where all of it is, and stops it', async (t) => {
  let given: PlaygroundStart | undefined
  let closed = false
  const terminal = openTerminal({
    startPlayground: async (options) => {
      given = options
      return { view, close: async () => void (closed = true) }
    },
  })
  const done = terminal.run('playground', '--data', '/x', '--port', '9000')
  while (!terminal.printed.out.includes('Ctrl-C')) await pause(5)
  terminal.stop()
  const { out, code } = await done
  t.is(code, 0)
  t.true(closed)
  t.deepEqual(given, { dir: '/x/playground', port: 9000 })
  t.is(
    out,
    `WHAT                          WHERE
Mesos master                  http://127.0.0.1:5050
Mesos master                  http://127.0.0.1:5051
agent agent-1.playground      http://127.0.0.1:5052
Docker of agent-1.playground  /d.sock
  its containers              /docker/containers
  work_dir                    /mesos
Marathon                      http://127.0.0.1:8080
load balancer                 http://127.0.0.1:8000
mail catcher                  127.0.0.1:2525
control API                   http://127.0.0.1:9000

mesoscope playground fault lists what can be broken; Ctrl-C ends it
`,
  )
})

const leftBehind: [string, string | undefined][] = [
  ['nothing', undefined],
  ['half a file', '{"control": "http://127'],
  ['null', 'null'],
  ['an address of another machine', '{"control":"http://example.org:80","token":"t"}'],
  ['no token', '{"control":"http://127.0.0.1:1"}'],
  ['an address at which nobody listens', '{"control":"http://127.0.0.1:1","token":"t"}'],
]
for (const [what, content] of leftBehind) {
  test(`where ${what} was left, no playground is running`, async (t) => {
    const data = directory(t)
    mkdirSync(join(data, 'playground'))
    const file = join(data, 'playground', 'playground.json')
    if (content !== undefined) writeFileSync(file, content)
    const { err, code } = await openTerminal().run('playground', '--data', data, 'fault', 'kill')
    t.is(code, 1)
    t.is(
      err,
      `mesoscope: no playground is running on ${data}: start it with npm start or mesoscope playground, or name its directory with --data\n`,
    )
  })
}

for (const [option, value, complaint] of [
  ['--amount', '-1', /--amount <number>.*Give a whole number from 0/],
  ['--seconds', 'long', /--seconds <number>.*Give a whole number from 0 to 86400/],
] as const) {
  test(`fault refuses ${option} ${value}, exit code 2`, async (t) => {
    const { err, code } = await openTerminal().run('playground', 'fault', 'kill', option, value)
    t.is(code, 2)
    t.regex(err, complaint)
  })
}

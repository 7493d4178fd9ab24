import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { openContainer, openNeighbour } from './containers.ts'
import { openScene, until } from './program.ts'
import { openMoodyServer } from './smtp.ts'

/* A mail server that is down, refuses, hangs or breaks off: the alert is shown, the server named, nothing else stops. */

async function openAlarm(t: ExecutionContext, port: number) {
  const scene = openScene(t)
  const root = join(scene.dir, 'containers')
  mkdirSync(root)
  const neighbour = openNeighbour(root)
  const ill = openContainer(root, 'ill')
  const complain = setInterval(() => ill.line('level=error it does not work'), 100)
  t.teardown(() => {
    clearInterval(complain)
    neighbour.stop()
  })
  const program = await scene.start({
    collectors: { docker: [{ root }] },
    evaluation: { interval: '1s', resolution: '1s' },
    signals: { errors: { where: 'level:error', measure: 'count', over: '3s', by: ['service'] } },
    alerts: [{ alert: 'Errors', when: 'errors > 2' }],
    mail: { host: '127.0.0.1', port, from: 'mesoscope@localhost', to: ['oncall@localhost'] },
  })
  await until('the alert is shown', async () => {
    const { alerts } = await program.get('/api/alerts')
    return alerts.find(({ state, service }) => state === 'firing' && service === '/bad/ill')
  })
  return { program, neighbour }
}

test('a mail server that is down is named with its address; the mail comes once it is up', async (t) => {
  const gone = await openMoodyServer(() => 'accept')
  await gone.close()
  const { program, neighbour } = await openAlarm(t, gone.port)

  const told = await until('health names it', () => program.trouble('alerting'))
  t.true(told.includes(`127.0.0.1:${gone.port}`), told)
  t.regex(told, /ECONNREFUSED/)
  t.regex(told, /see whether it can be reached; tried again/)
  t.is((await program.health()).status, 'amber')
  t.true((await program.metric('notifications_total', { outcome: 'failed' })) > 0)
  t.is(await program.metric('notifications_waiting'), 1)
  await neighbour.isWhole(program)

  const back = await openMoodyServer(() => 'accept', gone.port)
  t.teardown(() => back.close())
  await until('the mail has come', () => (back.mails.length > 0 ? true : undefined))
  t.regex(back.mails[0] ?? '', /^Subject: .*FIRING.*Errors/m)
  await until(
    'all is well',
    async () => (await program.trouble('alerting')) === undefined || undefined,
  )
  t.is(back.mails.length, 1)
})

test('a mail server that refuses for good is named, with what it said and the settings to correct', async (t) => {
  const server = await openMoodyServer(() => 'refuse')
  t.teardown(() => server.close())
  const { program, neighbour } = await openAlarm(t, server.port)

  const told = await until('health names it', () => program.trouble('alerting'))
  t.true(told.includes(`127.0.0.1:${server.port}`), told)
  t.regex(told, /oncall@localhost: .*550 5\.1\.1 no such user here/)
  t.regex(told, /correct the settings under mail/)
  t.is(await program.metric('notifications_total', { outcome: 'refused' }), 1)
  await until('the refusal stands on the timeline', async () => {
    const { changes } = await program.get('/api/changes', { kind: 'alert' })
    return changes.find((change) => change['event.action'] === 'failed')
  })
  await neighbour.isWhole(program)
  t.deepEqual(server.met, ['refuse'])
})

test('a mail server that breaks off, defers or hangs is tried again until it has the mail, once', async (t) => {
  const moods = ['break', 'later', 'hang'] as const
  const server = await openMoodyServer((connection) => moods[connection] ?? 'accept')
  t.teardown(() => server.close())
  const { program, neighbour } = await openAlarm(t, server.port)

  const told = await until('health names it', () => program.trouble('alerting'))
  t.true(told.includes(`127.0.0.1:${server.port}`), told)
  await until('it hangs', () => (server.met.includes('hang') ? true : undefined))
  // Nothing waits for the mail server.
  await neighbour.isWhole(program)
  t.deepEqual(server.mails, [])

  await until('the mail has come', () => (server.mails.length > 0 ? true : undefined))
  await until(
    'all is well',
    async () => (await program.trouble('alerting')) === undefined || undefined,
  )
  t.deepEqual(server.met, [...moods, 'accept'])
  t.is(server.mails.length, 1)
  await neighbour.isWhole(program)
})

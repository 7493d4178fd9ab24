import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { openContainer } from './containers.ts'
import { openScene, until } from './program.ts'

/* One bad rule stops no other, at the start and when rules are read again; what it has firing is not resolved. */

const errors = { where: 'level:error', measure: 'count', over: '10s' }
const good = { alert: 'Good', when: 'errs > 0' }
const fragile = { alert: 'Fragile', when: 'errs > 0', keep_firing_for: '1h' }

test('a bad rule is named with file and line, the others go on; SIGHUP takes it up when it is mended', async (t) => {
  const scene = openScene(t)
  const root = join(scene.dir, 'containers')
  mkdirSync(root)
  const web = openContainer(root, 'web')
  const settingsOf = (alerts: object[]) => ({
    data: join(scene.dir, 'data'),
    listen: { port: 0 },
    log_level: 'error',
    evaluation: { interval: '1s', resolution: '1s' },
    collectors: { docker: [{ root }] },
    signals: { errs: errors },
    alerts,
  })
  const program = await scene.start(settingsOf([{ ...fragile, when: 'errs >' }, good]))
  const config = join(scene.dir, 'config-0.yaml')
  const change = (alerts: object[]) => {
    writeFileSync(config, JSON.stringify(settingsOf(alerts)))
    process.kill(program.pid, 'SIGHUP')
  }
  const alertOf = async (name: string) =>
    (await program.get('/api/alerts')).alerts.find(({ alert }) => alert === name)

  t.regex(program.stderr(), /config-0\.yaml:1: alerts\[0\]\.when: cannot read the condition/)
  const told = await until('health names it', () => program.trouble('alerting'))
  t.regex(told, /config-0\.yaml:1: alerts\[0\]\.when/)
  t.is((await program.health()).status, 'amber')
  web.line('ERROR no stock')
  await until(
    'the good one fires',
    async () => (await alertOf('Good'))?.state === 'firing' || undefined,
  )
  t.is(await alertOf('Fragile'), undefined)

  change([fragile, good])
  web.line('ERROR no stock')
  await until(
    'it is mended',
    async () => (await alertOf('Fragile'))?.state === 'firing' || undefined,
  )
  t.is(await program.trouble('alerting'), undefined)
  const { incident } = (await alertOf('Fragile')) ?? {}

  // Bad again: neither resolved nor forgotten, and the others are evaluated.
  change([
    { ...fragile, when: 'nothing > 0' },
    { ...good, when: 'errs > 100' },
  ])
  await until('health names it again', () => program.trouble('alerting'))
  await until('the other is over', async () => {
    const one = await alertOf('Good')
    if (one?.state !== 'resolved')
      throw new Error(JSON.stringify(await program.get('/api/alerts')) + program.stderr())
    return true
  })
  t.is((await alertOf('Fragile'))?.incident, incident)
  t.not((await alertOf('Fragile'))?.state, 'resolved')

  // What cannot be read at all changes nothing.
  writeFileSync(config, '{ "alertz": [] }')
  process.kill(program.pid, 'SIGHUP')
  await until(
    'it is refused',
    async () =>
      /not reloaded: .*config-0\.yaml:1: alertz/.test((await program.trouble('alerting')) ?? '') ||
      undefined,
  )
  program.alive()
  change([fragile])
  await until(
    'all is well',
    async () => (await program.trouble('alerting')) === undefined || undefined,
  )
  t.is((await alertOf('Fragile'))?.incident, incident)
  const { changes } = await program.get('/api/changes', { kind: 'alert' })
  const reloads = changes.filter((one) => one['event.action'] === 'rules-reloaded')
  t.is(reloads.length, 3)
  t.regex(String(reloads.at(-1)?.['message']), /rules reloaded \(2\); new: Fragile/)
  t.is(await program.stop(), 0)
})

test('SIGHUP measures new signals, and those that are declared otherwise, without a restart', async (t) => {
  const scene = openScene(t)
  const root = join(scene.dir, 'containers')
  mkdirSync(root)
  const web = openContainer(root, 'web')
  const settingsOf = (signals: object, alerts: object[]) => ({
    data: join(scene.dir, 'data'),
    listen: { port: 0 },
    log_level: 'error',
    evaluation: { interval: '1s', resolution: '1s' },
    collectors: { docker: [{ root }] },
    signals,
    alerts,
  })
  const program = await scene.start(settingsOf({ errs: errors }, [good]))
  const slow = { field: 'ms', measure: 'max', over: '30s' }
  const changed = { slow, errs: { ...errors, where: 'message:panic' } }
  const rules = [good, { alert: 'Slow', when: 'slow > 100' }]
  writeFileSync(join(scene.dir, 'config-0.yaml'), JSON.stringify(settingsOf(changed, rules)))
  process.kill(program.pid, 'SIGHUP')
  await until('it is told', () =>
    /signals measured otherwise: slow, errs|signals measured otherwise: errs, slow/.test(
      program.stderr(),
    )
      ? true
      : undefined,
  )
  web.line('ERROR no stock {}')
  web.line('{"msg":"served","ms":500}')
  const alerts = async () => (await program.get('/api/alerts')).alerts
  const slowOne = await until('the new signal is measured', async () =>
    (await alerts()).find(({ alert, state }) => alert === 'Slow' && state === 'firing'),
  )
  t.is(slowOne.value, 500)
  t.is(
    (await alerts()).find(({ alert }) => alert === 'Good'),
    undefined,
    'no error counts any more',
  )
  web.line('panic')
  await until('what counts now', async () =>
    (await alerts()).find(({ alert, state }) => alert === 'Good' && state === 'firing'),
  )
  const { signals } = await program.get('/api/signals')
  t.like(signals['slow'], { field: 'ms', measure: 'max' })
  t.is(await program.trouble('measure'), undefined)
})

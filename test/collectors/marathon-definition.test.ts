import test from 'ava'
import { readApps } from '../../collectors/marathon-apps.ts'
import { differencesOf } from '../../collectors/marathon-definition.ts'

const app = (more: Record<string, unknown>) => {
  const [read] = readApps({ apps: [{ id: '/web', instances: 2, ...more }] }).apps ?? []
  if (!read) throw new Error('the app was not read')
  return read
}

test('each field that differs is named, from and to; counts and tasks are no fields', (t) => {
  const docker = (image: string) => ({ type: 'DOCKER', docker: { image, forcePullImage: false } })
  const before = app({
    mem: 128,
    cmd: 'run',
    container: docker('web:6'),
    env: { LOG_LEVEL: 'info' },
    labels: { owner: 'shop' },
    healthChecks: [{ path: '/' }],
    tasksRunning: 2,
  })
  const after = app({
    mem: 256,
    container: docker('web:7'),
    env: { LOG_LEVEL: 'debug' },
    labels: { owner: 'shop', tier: 'gold' },
    healthChecks: [{ path: '/health' }],
    tasksRunning: 0,
  })
  t.deepEqual(differencesOf(before, after), [
    'cmd: "run" → none',
    'container.docker.image: "web:6" → "web:7"',
    'env.LOG_LEVEL: "info" → "debug"',
    'healthChecks: [{"path":"/"}] → [{"path":"/health"}]',
    'labels.tier: none → "gold"',
    'mem: 128 → 256',
  ])
  t.deepEqual(differencesOf(before, before), [])
  t.deepEqual(differencesOf(undefined, after), [])
})

test('a secret is told to have changed, not what it is', (t) => {
  const secrets = {
    DB_PASSWORD: 'hunter2',
    API_KEY: 'k1',
    SENTRY_DSN: 'https://abc@sentry.test/1',
    DB_URL: 'postgres://shop:hunter2@db/shop',
    OPTS: '--db-password hunter2',
    LICENCE: 'Zm9vYmFyYmF6cXV4MTIzNDU2',
    MOUNTED: { secret: 'hunter2' },
  }
  const parameters = [{ key: 'env', value: 'X=hunter2' }]
  const cmd = 'run --token=hunter2'
  const after = app({ env: secrets, cmd, container: { docker: { parameters } } })
  const changed = differencesOf(app({}), after)
  t.is(changed.length, 9)
  t.notRegex(changed.join(), /hunter2|abc@|Zm9v|k1/)
  t.true(changed.includes('env.DB_PASSWORD: none → [redacted]'))
  t.true(changed.includes('env.DB_URL: none → "postgres://shop:[redacted]@db/shop"'))
})

test('many and long ones are cut', (t) => {
  const labels = Object.fromEntries(
    Array.from({ length: 50 }, (_, n) => [`l${n}`, 'x'.repeat(999)]),
  )
  const changed = differencesOf(app({}), app({ labels }))
  t.is(changed.length, 21)
  t.is(changed.at(-1), 'and 30 more')
  t.true(changed.every((one) => one.length < 250))
})

test('numbers beyond 2^53 and what is nested without end throw nothing', (t) => {
  let deep: unknown = []
  for (let i = 0; i < 100_000; i++) deep = [deep]
  t.deepEqual(differencesOf(app({ disk: 1, args: [] }), app({ disk: 2n ** 70n, args: deep })), [
    'args: [] → "(nested too deep)"',
    'disk: 1 → "1180591620717411303424"',
  ])
})

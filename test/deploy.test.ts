import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { parse } from 'yaml'
import type { z } from 'zod'
import { roles } from '../cli/parts.ts'
import { loadSettings } from '../config/load.ts'
import { fieldsOf } from '../pipeline/store/elasticsearch-templates.ts'
import { marathonApp } from './helpers/marathon-app.ts'

/* What can be said of deploy/ without the clusters it is for. */

const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }
const environment = { MESOSCOPE_TOKEN: '0123456789abcdef' }

type App = z.output<typeof marathonApp>

const settingsOf = (name: string, more: Record<string, string> = {}) =>
  loadSettings(`deploy/${name}`, { ...environment, ...more }).settings

for (const name of ['cluster.yaml', 'agent.yaml']) {
  test(`${name} is right`, (t) => {
    const settings = settingsOf(name)
    t.is(settings.bus.kafka?.brokers.length, 3)
    t.is(settings.bus.kafka?.replication, 3)
  })
}

test('both name the same topics: another number of partitions would be refused', (t) => {
  t.deepEqual(settingsOf('agent.yaml').bus.kafka, settingsOf('cluster.yaml').bus.kafka)
})

/** Throws with the path of what Marathon would refuse, or does not know. */
const readApp = (file: string): App =>
  marathonApp.parse(JSON.parse(readFileSync(`deploy/marathon/${file}`, 'utf8')))

/** What a file of settings asks the environment for. */
const asked = (name: string) =>
  new Set(
    [...readFileSync(`deploy/${name}`, 'utf8').matchAll(/\$\{(\w+)/g)].map(([, one]) => one ?? ''),
  )

/** What no file asks for: written wrongly, or left over. */
const unknownTo = (name: string, env: object) =>
  Object.keys(env).filter((one) => !asked(name).has(one))

const files = readdirSync('deploy/marathon')

for (const file of files) {
  test(`the app ${file}`, (t) => {
    const app = readApp(file)
    t.is(app.id, `/mesoscope/${file.replace('.json', '')}`)
    t.true(app.container.docker.image.endsWith(`mesoscope:${version}`))
    checkCommand(t.true, app.args)
    const [run, , , , config = ''] = app.args
    t.is(run, 'run')
    const strings = Object.entries(app.env).filter(([, value]) => typeof value === 'string')
    const settings = settingsOf(
      config.replace('/etc/mesoscope/', ''),
      Object.fromEntries(strings) as Record<string, string>,
    )
    const [check] = app.healthChecks ?? []
    // Who waits for Kafka, or holds lines meanwhile, must not be killed for saying so.
    t.is(check?.path, '/livez')
    const port =
      app.portDefinitions?.[0]?.port ??
      app.container.portMappings?.[check?.portIndex ?? 0]?.containerPort
    t.is(port, settings.listen.port)
    t.deepEqual(unknownTo(config.replace('/etc/mesoscope/', ''), app.env), [])
    const secrets = Object.values(app.env).flatMap((one) =>
      typeof one === 'string' ? [] : one.secret,
    )
    t.deepEqual(secrets, Object.keys(app.secrets ?? {}))
  })
}

test('one collector an agent, and one for all that asks Mesos', (t) => {
  t.deepEqual(readApp('agent.json').constraints, [['hostname', 'UNIQUE']])
  t.is(readApp('mesos.json').instances, 1)
})

test('an app with a field that Marathon does not know, or of another type, is refused, also deep inside', (t) => {
  const app = readApp('alerting.json')
  const refused = (more: object, path: RegExp) =>
    t.throws(() => marathonApp.parse({ ...app, ...more }), { message: path })
  refused({ healthChecks: [{ ...app.healthChecks?.[0], intervalSecs: 5 }] }, /intervalSecs/)
  refused({ container: { ...app.container, volume: [] } }, /"volume"/)
  refused({ networks: [{ mode: 'bridge' }] }, /networks/)
  refused(
    { upgradeStrategy: { minimumHealthCapacity: 2, maximumOverCapacity: 0 } },
    /minimumHealth/,
  )
})

test('the root of the agent keeps what it holds apart from the user of the systemd unit', (t) => {
  const held = readApp('agent.json').container.volumes.find(({ mode }) => mode === 'RW')
  t.is(held?.containerPath, settingsOf('agent.yaml').data)
  const unit = readFileSync('deploy/systemd/mesoscope-collector.service', 'utf8')
  t.regex(unit, /^StateDirectory=mesoscope$/m)
  t.not(held?.hostPath, '/var/lib/mesoscope')
})

test('alerts are mailed, and a login is two lines away', (t) => {
  const { mail } = settingsOf('cluster.yaml', {
    SMTP_HOST: 'mail.example.org',
    MAIL_TO: 'a@example.org',
  })
  t.like(mail, { host: 'mail.example.org', port: 25, to: ['a@example.org'], user: undefined })
  const dir = mkdtempSync(join(tmpdir(), 'mesoscope-deploy-'))
  t.teardown(() => rmSync(dir, { recursive: true }))
  writeFileSync(join(dir, 'smtp-password'), 'hunter2\n', { mode: 0o600 })
  const file = join(dir, 'cluster.yaml')
  const written = readFileSync('deploy/cluster.yaml', 'utf8')
  writeFileSync(
    file,
    written
      .replace('# user:', 'user:')
      .replace('# password: file:/etc/mesoscope', `password: file:${dir}`),
  )
  const login = loadSettings(file, { ...environment, SMTP_USER: 'm' }).settings.mail
  t.is(login?.user, 'm')
  t.is(login?.password?.reveal(), 'hunter2')
})

/** As compose lays in the values of a caller who has set none but those that have no default. */
const byDefault = (env: Record<string, string>) =>
  Object.fromEntries(
    Object.entries({ ...env, ...environment }).map(([name, value]) => [
      name,
      value.replaceAll(/\$\{\w+:-([^}]*)\}/g, '$1'),
    ]),
  )

interface Compose {
  services: Record<
    string,
    {
      image: string
      command?: string[]
      volumes?: string[]
      environment?: Record<string, string>
      depends_on?: Record<string, unknown>
      user?: string
      cap_drop?: string[]
    }
  >
  volumes: Record<string, unknown>
}

test('compose.yaml: roles, settings and volumes that there are', (t) => {
  const { services, volumes } = parse(readFileSync('deploy/compose.yaml', 'utf8'), {
    merge: true,
  }) as Compose
  const ours = Object.values(services).filter(({ image }) => image.startsWith('mesoscope:'))
  const shown = new Set(ours.map(({ command }) => command?.[2]))
  t.true(roles.every((role) => shown.has(role)))
  for (const { image, command = [], volumes: mounts = [], environment: env = {} } of ours) {
    t.is(image, `mesoscope:${version}`)
    checkCommand(t.true, command)
    const config = command[4] ?? ''
    t.true(mounts.some((mount) => mount.split(':')[1] === config))
    t.deepEqual(unknownTo('cluster.yaml', env), [])
    t.notThrows(() => settingsOf(config.replace('/etc/mesoscope/', ''), byDefault(env)))
  }
  for (const mount of Object.values(services).flatMap((one) => one.volumes ?? [])) {
    const [from = ''] = mount.split(':')
    if (!/^[./]/.test(from)) t.true(Object.hasOwn(volumes, from), from)
    if (from.startsWith('./')) t.true(existsSync(join('deploy', from)), from)
  }
  for (const one of Object.values(services).flatMap(({ depends_on: on = {} }) => Object.keys(on))) {
    t.true(Object.hasOwn(services, one), one)
  }
})

test('a root without all capabilities but one has a volume that is its own', (t) => {
  const { services } = parse(readFileSync('deploy/compose.yaml', 'utf8'), {
    merge: true,
  }) as Compose
  const roots = Object.values(services).filter(({ user }) => user === 'root')
  t.is(roots.length, 1)
  for (const { cap_drop: dropped, volumes = [] } of roots) {
    t.deepEqual(dropped, ['ALL'])
    // The image's directory belongs to its user, and Docker gives a new volume the owner of what it covers.
    t.true(volumes.some((mount) => mount.endsWith(':/var/lib/mesoscope:nocopy')))
  }
})

test('Grafana is given the alias and the fields of the templates', (t) => {
  const source = parse(
    readFileSync('deploy/grafana/provisioning/datasources/mesoscope.yaml', 'utf8'),
  ) as { datasources: { uid: string; jsonData: Record<string, string> }[] }
  const [{ uid, jsonData } = { uid: '', jsonData: {} as Record<string, string> }] =
    source.datasources
  const { prefix } = settingsOf('cluster.yaml').store.elasticsearch ?? {}
  t.is(jsonData['index'], `${prefix}-logs`)
  const { timeField = '', logMessageField = '', logLevelField = '' } = jsonData
  const dashboard = readFileSync('deploy/grafana/dashboards/logs.json', 'utf8')
  const parts = partsOf(JSON.parse(dashboard))
  t.true(parts.length > 20)
  for (const [, value] of parts.filter(([key]) => key === 'uid')) t.is(value, uid)
  const queries = parts.filter(([key]) => key === 'query').map(([, value]) => String(value))
  const fields = [
    ...parts.filter(([key]) => key === 'field' || key === 'timeField').map(([, value]) => value),
    ...queries.flatMap((query) => [...query.matchAll(/([\w.]+):/g)].map(([, field]) => field)),
    ...queries.flatMap((query) =>
      [...query.matchAll(/"field": ?"([^"]+)"/g)].map(([, field]) => field),
    ),
    timeField,
    logMessageField,
    logLevelField,
  ]
  t.deepEqual(
    [...new Set(fields)].filter((field) => !Object.hasOwn(fieldsOf.logs, String(field))),
    [],
  )
})

/** Every key with a value that is no object, however deep. */
function partsOf(value: unknown): [string, unknown][] {
  if (value === null || typeof value !== 'object') return []
  return Object.entries(value).flatMap(([key, part]): [string, unknown][] =>
    part !== null && typeof part === 'object' ? partsOf(part) : [[key, part]],
  )
}

function checkCommand(isTrue: (value: boolean, message?: string) => unknown, args: string[]): void {
  const [, option, role = '', configOption, config = ''] = args
  isTrue(option === '--roles' && configOption === '--config')
  isTrue(
    role.split(',').every((one) => roles.some((known) => known === one)),
    role,
  )
  isTrue(/^\/etc\/mesoscope\/(agent|cluster)\.yaml$/.test(config), config)
}

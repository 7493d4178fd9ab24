import { readdirSync, readFileSync } from 'node:fs'
import test from 'ava'
import { parse } from 'yaml'
import { roles } from '../cli/parts.ts'
import { loadSettings } from '../config/load.ts'

/* What can be said of deploy/ without the clusters it is for. */

const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }
const environment = { MESOSCOPE_TOKEN: '0123456789abcdef' }

interface App {
  id: string
  args: string[]
  env: Record<string, string | { secret: string }>
  secrets?: Record<string, unknown>
  constraints?: string[][]
  container: {
    docker: { image: string }
    portMappings?: { containerPort: number }[]
    volumes: { containerPath: string }[]
  }
  portDefinitions?: { port: number }[]
  healthChecks?: { path: string; port?: number; portIndex?: number }[]
}

/** As in Marathon's AppUpdate. */
const fieldsOfApps = new Set(
  (
    'id instances cpus mem disk labels args container env secrets user taskKillGracePeriodSeconds ' +
    'upgradeStrategy networks portDefinitions requirePorts constraints healthChecks'
  ).split(' '),
)

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

const files = readdirSync('deploy/marathon')

for (const file of files) {
  test(`the app ${file}`, (t) => {
    const app = JSON.parse(readFileSync(`deploy/marathon/${file}`, 'utf8')) as App
    t.deepEqual(
      Object.keys(app).filter((field) => !fieldsOfApps.has(field)),
      [],
    )
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
    // Who holds lines while Kafka is away must not be killed for saying so.
    t.is(check?.path, app.constraints ? undefined : '/healthz')
    const port =
      app.portDefinitions?.[0]?.port ??
      app.container.portMappings?.[check?.portIndex ?? 0]?.containerPort
    t.is(port, settings.listen.port)
    for (const value of Object.values(app.env)) {
      if (typeof value !== 'string') t.true(Object.hasOwn(app.secrets ?? {}, value.secret))
    }
  })
}

test('one collector an agent, and one for all that asks Mesos', (t) => {
  const read = (name: string) =>
    JSON.parse(readFileSync(`deploy/marathon/${name}.json`, 'utf8')) as App & { instances: number }
  t.deepEqual(read('agent').constraints, [['hostname', 'UNIQUE']])
  t.is(read('mesos').instances, 1)
})

interface Compose {
  services: Record<string, { image: string; command?: string[]; volumes?: string[] }>
  volumes: Record<string, unknown>
}

test('compose.yaml: roles, settings and volumes that there are', (t) => {
  const { services, volumes } = parse(readFileSync('deploy/compose.yaml', 'utf8'), {
    merge: true,
  }) as Compose
  const ours = Object.values(services).filter(({ image }) => image.startsWith('mesoscope:'))
  const shown = new Set(ours.map(({ command }) => command?.[2]))
  t.true(roles.every((role) => shown.has(role)))
  for (const { image, command = [], volumes: mounts = [] } of ours) {
    t.is(image, `mesoscope:${version}`)
    checkCommand(t.true, command)
    const config = command[4] ?? ''
    t.true(mounts.some((mount) => mount.split(':')[1] === config))
  }
  for (const mount of Object.values(services).flatMap((one) => one.volumes ?? [])) {
    const [from = ''] = mount.split(':')
    if (!/^[./]/.test(from)) t.true(Object.hasOwn(volumes, from), from)
  }
})

function checkCommand(isTrue: (value: boolean, message?: string) => unknown, args: string[]): void {
  const [, option, role = '', configOption, config = ''] = args
  isTrue(option === '--roles' && configOption === '--config')
  isTrue(
    role.split(',').every((one) => roles.some((known) => known === one)),
    role,
  )
  isTrue(/^\/etc\/mesoscope\/(agent|cluster)\.yaml$/.test(config), config)
}

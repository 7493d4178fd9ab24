import { randomBytes, randomUUID } from 'node:crypto'
import { hostname } from 'node:os'

/** A sample service, as a Marathon app would declare it. */
export interface App {
  id: '/shop/web' | '/shop/worker' | '/shop/payments' | '/batch/report'
  /** The program, a file of `services/`. */
  service: string
  image: string
  version: string
  instances: number
  /** Its Marathon labels. */
  labels: Record<string, string>
  /** Set for a batch job: a new task is started this often, whether or not the last one is over. */
  everyMs?: number
}

export const apps: readonly App[] = [
  {
    id: '/shop/web',
    service: 'web',
    image: 'shop/web:2.4.1',
    version: '2026-11-20T09:12:44.318Z',
    instances: 3,
    labels: { OWNER: 'team-shop', RUNBOOK: 'https://runbooks.example/shop/web', TIER: '1' },
  },
  {
    id: '/shop/worker',
    service: 'worker',
    image: 'shop/worker:1.9.0',
    version: '2026-11-18T14:03:09.551Z',
    instances: 1,
    labels: { OWNER: 'team-shop', RUNBOOK: 'https://runbooks.example/shop/worker', TIER: '2' },
  },
  {
    id: '/shop/payments',
    service: 'payments',
    image: 'shop/payments:5.0.3',
    version: '2026-11-21T16:40:00.007Z',
    instances: 1,
    labels: { OWNER: 'team-money', RUNBOOK: 'https://runbooks.example/shop/payments', TIER: '1' },
  },
  {
    id: '/batch/report',
    service: 'report',
    image: 'batch/report:0.7',
    version: '2026-10-02T07:30:12.900Z',
    instances: 1,
    labels: { OWNER: 'team-data', RUNBOOK: 'https://runbooks.example/batch/report' },
    everyMs: 5000,
  },
]

/** `shop_web.25212c0c-e6a2-11f1-bdef-02fc00000001`: Marathon writes `_` for `/` and appends a UUID. */
export function taskId(app: App): string {
  return `${app.id.slice(1).replaceAll('/', '_')}.${randomUUID()}`
}

export function containerName(): string {
  return `mesos-${randomUUID()}`
}

export interface TaskPlace {
  task: string
  name: string
  port: number
  seed: string
}

/** The environment that Marathon and Mesos give to a Docker task, as `NAME=value`. */
export function taskEnv(app: App, { task, name, port, seed }: TaskPlace): string[] {
  const labels = Object.entries(app.labels)
  return Object.entries({
    PATH: process.env['PATH'] ?? '/usr/bin:/bin',
    HOST: hostname(),
    PORT: port,
    PORT0: port,
    PORTS: port,
    MESOS_TASK_ID: task,
    MESOS_CONTAINER_NAME: name,
    MESOS_SANDBOX: '/mnt/mesos/sandbox',
    MARATHON_APP_ID: app.id,
    MARATHON_APP_VERSION: app.version,
    MARATHON_APP_DOCKER_IMAGE: app.image,
    MARATHON_APP_RESOURCE_CPUS: '0.1',
    MARATHON_APP_RESOURCE_MEM: '128.0',
    MARATHON_APP_LABELS: labels.map(([label]) => label).join(' '),
    ...Object.fromEntries(labels.map(([label, value]) => [`MARATHON_APP_LABEL_${label}`, value])),
    PLAYGROUND_SEED: seed,
  }).map(([variable, value]) => `${variable}=${value}`)
}

/** A port of the range that Mesos agents offer; the web service takes another one if it is in use. */
export function offeredPort(): number {
  return 31_000 + (randomBytes(2).readUInt16LE() % 1000)
}

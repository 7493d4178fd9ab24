/**
 * The apps and pods of the playground, as Marathon takes them (`POST /v2/apps`, `POST /v2/pods`). A command is the name of a
 * program of `services/`.
 */

const owner = (team: string, runbook: string, tier: string) => ({
  OWNER: team,
  RUNBOOK: `https://runbooks.example${runbook}`,
  TIER: tier,
})

const listening = { port: 0, protocol: 'tcp', name: 'http' }

const healthCheck = {
  protocol: 'HTTP',
  path: '/health',
  portIndex: 0,
  gracePeriodSeconds: 10,
  intervalSeconds: 2,
  timeoutSeconds: 2,
  maxConsecutiveFailures: 3,
}

const web = {
  id: '/shop/web',
  cmd: 'web',
  container: { type: 'DOCKER', docker: { image: 'shop/web:2.4.1' } },
  networks: [{ mode: 'host' }],
  portDefinitions: [listening],
  instances: 2,
  cpus: 0.25,
  mem: 128,
  healthChecks: [healthCheck],
  upgradeStrategy: { minimumHealthCapacity: 1, maximumOverCapacity: 0.5 },
  taskKillGracePeriodSeconds: 3,
  backoffSeconds: 1,
  labels: {
    ...owner('team-shop', '/shop/web', '1'),
    'autoscale.enabled': 'true',
    'autoscale.min': '2',
    'autoscale.max': '8',
    'autoscale.target.requests': '15',
    'autoscale.stabilization.down': '30s',
  },
}

const worker = {
  id: '/shop/worker',
  cmd: 'worker',
  container: { type: 'DOCKER', docker: { image: 'shop/worker:1.9.0' } },
  networks: [{ mode: 'host' }],
  portDefinitions: [],
  instances: 1,
  cpus: 0.1,
  mem: 128,
  backoffSeconds: 1,
  labels: owner('team-shop', '/shop/worker', '2'),
}

const payments = {
  id: '/shop/payments',
  cmd: 'payments',
  container: { type: 'DOCKER', docker: { image: 'shop/payments:5.0.3' } },
  networks: [{ mode: 'host' }],
  portDefinitions: [],
  instances: 1,
  cpus: 0.1,
  mem: 128,
  backoffSeconds: 1,
  labels: owner('team-money', '/shop/payments', '1'),
}

/** Resident: its tasks come back to their volume. Mesos' own containerizer runs it. */
const db = {
  id: '/shop/db',
  cmd: 'db',
  container: {
    type: 'MESOS',
    volumes: [{ containerPath: 'data', mode: 'RW', persistent: { size: 64 } }],
  },
  networks: [{ mode: 'host' }],
  portDefinitions: [],
  instances: 1,
  cpus: 0.2,
  mem: 128,
  residency: { taskLostBehavior: 'WAIT_FOREVER' },
  unreachableStrategy: 'disabled',
  upgradeStrategy: { minimumHealthCapacity: 0, maximumOverCapacity: 0 },
  backoffSeconds: 1,
  // It asks to be scaled, and is refused: which of its volumes should go?
  labels: {
    ...owner('team-data', '/shop/db', '1'),
    'autoscale.enabled': 'true',
    'autoscale.max': '3',
    'autoscale.target.cpu': '0.7',
  },
}

const search = {
  id: '/shop/search',
  labels: owner('team-search', '/shop/search', '2'),
  scaling: { kind: 'fixed', instances: 1 },
  networks: [{ mode: 'host' }],
  containers: [
    {
      name: 'search',
      exec: { command: { shell: 'search' } },
      resources: { cpus: 0.1, mem: 128, disk: 0 },
      endpoints: [{ name: 'http', hostPort: 0, protocol: ['tcp'] }],
    },
    {
      name: 'indexer',
      exec: { command: { shell: 'indexer' } },
      resources: { cpus: 0.1, mem: 128, disk: 0 },
    },
  ],
  scheduling: { backoff: { backoff: 1, backoffFactor: 1.15, maxLaunchDelay: 300 } },
}

export const apps: readonly Record<string, unknown>[] = [web, worker, payments, db]
export const pods: readonly Record<string, unknown>[] = [search]

/** What the load balancer stands in front of. */
export const balanced = web.id

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { sharedDir } from '../../helpers/shared.ts'
import { openServedScene, web, worker, type ServedScene } from './scene.ts'

/** Captured answers of Marathon and its clients' tests; only where they are. */
export const shared = sharedDir()
export const fixtures = join(shared ?? '', 'fixtures', 'marathon')

export function fixture(name: string): any {
  return JSON.parse(readFileSync(join(fixtures, name), 'utf8'))
}

/** Objects whose fields are names that people give. */
export const maps = [
  'labels',
  'env',
  'environment',
  'secrets',
  'spec',
  'app',
  'pod',
  'appDefinition',
]

export const pod = {
  id: '/shop/search',
  labels: { OWNER: 'team-search' },
  containers: [
    {
      name: 'search',
      exec: { command: { shell: 'search' } },
      resources: { cpus: 0.1, mem: 64 },
      endpoints: [{ name: 'http', hostPort: 0, containerPort: 80, protocol: ['tcp'] }],
    },
  ],
}

const db = {
  ...worker,
  id: '/shop/db',
  container: {
    type: 'MESOS',
    volumes: [{ containerPath: 'data', mode: 'RW', persistent: { size: 64 } }],
  },
}

const bridged = {
  id: '/shop/bridged',
  cmd: 'web',
  cpus: 0.1,
  mem: 32,
  container: {
    type: 'DOCKER',
    docker: { image: 'x' },
    portMappings: [{ containerPort: 80, hostPort: 0, name: 'http' }],
  },
  networks: [{ mode: 'container/bridge' }],
}

/** Everything at once: healthy and sick tasks, a pod, a resident app, one that waits, one that failed, deployments. */
export async function busyScene(t: ExecutionContext): Promise<ServedScene> {
  const scene = await openBusy()
  t.teardown(scene.close)
  return scene
}

export async function openBusy(): Promise<ServedScene> {
  const scene = await openServedScene({ attributes: [{ rack: 'a' }, { rack: 'b' }] })
  for (const app of [web, db, bridged]) await scene.deployed(app)
  await post(scene, '/v2/pods', pod)
  await post(scene, '/v2/apps', { ...worker, backoffSeconds: 30 })
  await scene.until('quiet', () => scene.core.state.deployments.size === 0)
  scene.cluster.say(scene.running('/shop/worker')[0]?.spec.id ?? '', 'TASK_FAILED', {
    message: 'exit 1',
  })
  const [sick] = scene.running('/shop/web')
  scene.sick.add(sick?.spec.id ?? '')
  await post(scene, '/v2/apps', { ...worker, id: '/big/one', cpus: 100, labels: { A: 'b' } })
  await scene.until('sick', () => scene.eventTypes().includes('unhealthy_instance_kill_event'))
  await scene.until('well', () => scene.running('/shop/web').length === 2)
  await scene.pass(3000)
  return scene
}

export async function post(
  scene: ServedScene,
  path: string,
  body: unknown,
  method = 'POST',
): Promise<any> {
  const response = await fetch(`${scene.urls[0]}${path}`, {
    method,
    headers: { 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  return response.json()
}

export async function get(scene: ServedScene, path: string): Promise<any> {
  return (await fetch(`${scene.urls[0]}${path}`)).json()
}

import test from 'ava'
import { openServedScene } from './scene.ts'
import { ask } from './http/ask.ts'

test('fields of before 1.5 are read and answered as those of today', async (t) => {
  const scene = await openServedScene()
  t.teardown(scene.close)
  await ask(scene, 'POST /v2/apps', {
    id: '/old',
    cmd: 'web',
    args: null,
    uris: ['http://foo.test/a.tgz'],
    container: {
      type: 'DOCKER',
      docker: { image: 'x', network: 'BRIDGE', portMappings: [{ containerPort: 80, hostPort: 0 }] },
      volumes: [],
    },
  })
  const { app } = (await ask(scene, 'GET /v2/apps/old')).body
  for (const gone of ['uris', 'ports', 'ipAddress', 'args', 'portDefinitions']) t.false(gone in app)
  t.deepEqual(app.networks, [{ mode: 'container/bridge' }])
  t.deepEqual(app.fetch, [
    { uri: 'http://foo.test/a.tgz', extract: true, executable: false, cache: false },
  ])
  t.deepEqual(app.container.portMappings, [
    { containerPort: 80, hostPort: 0, labels: {}, protocol: 'tcp', servicePort: 10_000 },
  ])
  t.false('network' in app.container.docker)
  await ask(scene, 'POST /v2/apps', { id: '/older', cmd: 'web', ports: [0, 9000] })
  const older = (await ask(scene, 'GET /v2/apps/older')).body.app
  t.deepEqual(older.portDefinitions, [
    { port: 10_001, protocol: 'tcp' },
    { port: 9000, protocol: 'tcp' },
  ])
})

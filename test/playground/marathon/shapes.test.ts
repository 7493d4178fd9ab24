import { join } from 'node:path'
import anyTest, { type TestFn } from 'ava'
import { busyScene, fixture, fixtures, maps, openBusy, pod, post, shared } from './busy-scene.ts'
import { openRaml } from './raml.ts'
import { worker, type ServedScene } from './scene.ts'
import { cases } from './shape-cases.ts'
import { commonFields, lacks } from './shape.ts'

/** Every answer of the playground's Marathon beside real ones and beside Marathon's own description of its API. */

const test = (shared === undefined ? anyTest.skip : anyTest) as TestFn

/** Those that change nothing share one. */
let reading: Promise<ServedScene> | undefined

for (const { name, changes = false, ours, raml, real, except = [] } of cases) {
  test(`shape: ${name}`, async (t) => {
    reading ??= openBusy()
    const answers = await ours(await (changes ? busyScene(t) : reading))
    t.true(answers.length > 0)
    const faults = answers.flatMap((answer) => [
      ...(raml ? openRaml(join(fixtures, 'raml/v2/types')).faults(answer, ...raml) : []),
      ...(real ? lacks(answer, commonFields(real(), maps)) : []),
    ])
    const open = new Set(faults.filter((fault) => !except.includes(fault)))
    t.deepEqual([...open], [])
    const idle = except.filter((fault) => !faults.includes(fault))
    t.deepEqual(idle, [], 'exceptions that are none')
  })
}

anyTest.after.always(async () => (await reading)?.close())

test('shape: refusals', async (t) => {
  const scene = await busyScene(t)
  const bodies = fixture('docs-error-bodies.json') as Record<string, { message: string }[]>
  const answer = async (call: string, body?: unknown) => {
    const [method = '', path = ''] = call.split(' ')
    return post(scene, path, body, method)
  }
  const one = async (status: string, message: RegExp, ours: Promise<unknown>) => {
    const real = bodies[status]?.find((sample) => message.test(sample.message))
    const body = await ours
    t.deepEqual(lacks(body, commonFields([real])), [], `${status} ${message}`)
    t.deepEqual(Object.keys(body as object), Object.keys(real ?? {}), `${status} ${message}`)
  }
  await post(scene, '/v2/apps/shop/web', { instances: 3 }, 'PATCH')
  await one('409', /is locked .*View/, answer('PATCH /v2/apps/shop/web', { instances: 4 }))
  await one('409', /already exists/, answer('POST /v2/apps', worker))
  await one('404', /^App '\/not_existent' does/, answer('PATCH /v2/apps/not_existent', {}))
  await one('404', /^Task/, answer('DELETE /v2/apps/shop/web/tasks/not-existing'))
  await one('404', /^DeploymentPlan/, answer('DELETE /v2/deployments/unknown_deployment'))
  await one('400', /does not match definition/, answer('PUT /v2/pods/foo', pod))
  // Documented as 400; Marathon's code says 422.
  await one('400', /^Invalid JSON/, answer('POST /v2/apps', { id: 1 }))
  const upgradeStrategy = { minimumHealthCapacity: 7 }
  await one('422', /^Object is not valid/, answer('PATCH /v2/apps/shop/db', { upgradeStrategy }))
})

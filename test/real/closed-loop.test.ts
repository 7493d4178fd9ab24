import { join } from 'node:path'
import test from 'ava'
import { collectorsOf, service } from '../../bench/scaling/site.ts'
import type { DecisionDoc } from '../../pipeline/decision.ts'
import type { ControlClient } from '../../playground/control-client.ts'
import { spawnPlayground } from '../../playground/spawn.ts'
import { mesoscope, openScene, until, type Program } from '../scenarios/program.ts'

/* The whole loop over real processes: visitors, access lines, signal, decision, Marathon, instances, and back again. */

const [target, min, max] = [15, 2, 8]
const [base, top] = [26, 70]

const settings = {
  log_level: 'error',
  signals: {
    requests: { where: 'method:* AND status:*', measure: 'rate', over: '5s', by: ['service'] },
  },
  evaluation: { interval: '1s', resolution: '1s' },
  autoscaling: {
    interval: '1s',
    services: [{ service, target: { requests: target }, min, max, stabilization: { down: '5s' } }],
  },
}

test('load rises, instances follow, each has enough; it falls, they follow, without flapping, and all is told', async (t) => {
  const scene = openScene(t)
  const playground = await spawnPlayground({ dir: join(scene.dir, 'playground'), load: base })
  scene.later(() => playground.close())
  const { client, addresses } = playground
  const collectors = { ...collectorsOf(addresses), metrics_interval: '1s' }
  const program = await scene.start({ ...settings, collectors })
  const isCalm = async () => {
    const { wanted, healthy, isDeploying } = await appOf(addresses.marathons[0] ?? '')
    return (wanted === min && healthy === min && !isDeploying) || undefined
  }
  await until('two instances, measured', async () => (await isCalm()) && isMeasured(program))
  t.deepEqual(await changes(client), [], 'nothing to do yet')

  await client.apply({ name: 'load-step', amount: top, seconds: 120 })
  await until('load on each healthy instance near its target', async () => {
    const { healthy } = await appOf(addresses.marathons[0] ?? '')
    const each = await loadOfEach(client, healthy)
    return (each > 0 && each < target * 1.1) || undefined
  })
  const ups = await changes(client)
  t.true(Math.max(...ups) <= Math.ceil(top / target) + 1, `none too many: ${ups.join()}`)

  await client.apply({ name: 'load-calm' })
  await until('two instances again', isCalm)
  const wanted = [min, ...(await changes(client))]
  const moves = wanted.slice(1).map((to, i) => ({ from: wanted[i] as number, to }))
  const signs = moves.map(({ from, to }) => Math.sign(to - from))
  t.deepEqual(
    signs,
    signs.toSorted((a, b) => b - a),
    `up, then down: ${wanted.join(' → ')}`,
  )

  const told = await until('all of it told', async () => {
    const found = await historyOf(program.data)
    return found.length >= moves.length ? found : undefined
  })
  t.deepEqual(
    told.map(({ decision: { from, to, reason } }) => ({ from, to, reason })),
    moves.map(({ from, to }) => ({ from, to, reason: to > from ? 'scaled-up' : 'scaled-down' })),
  )
  for (const { message } of told) t.regex(message, /^scaled \d → \d: requests \d[\d.]*\/s over \d/)
})

interface App {
  instances: number
  tasksHealthy: number
  deployments: unknown[]
}

async function appOf(marathon: string) {
  const response = await fetch(`${marathon}/v2/apps${service}`)
  const { app } = (await response.json()) as { app: App }
  const isDeploying = app.deployments.length > 0
  return { wanted: app.instances, healthy: app.tasksHealthy, isDeploying }
}

async function isMeasured(program: Program): Promise<true | undefined> {
  const { scaling } = await program.get('/api/scaling')
  const last = scaling.find((one) => one.service === service)?.last
  return (last?.inputs.targets[0]?.value ?? 0) > (base / min) * 0.9 || undefined
}

/** By the visitors' own count. */
async function loadOfEach(client: ControlClient, healthy: number): Promise<number> {
  const { ledger } = await client.load()
  const { wanted = 0, sent = 0 } = ledger.at(-1) ?? {}
  return wanted === top && healthy > 0 ? sent / healthy : Number.NaN
}

/** What Marathon was asked for and did, in instances. */
async function changes(client: ControlClient): Promise<number[]> {
  const writes = await client.writes()
  const done = writes.filter(({ status, path }) => status === 200 && path.endsWith(service))
  return done.map(({ body }) => (JSON.parse(body) as { instances: number }).instances)
}

async function historyOf(data: string): Promise<DecisionDoc[]> {
  const { stdout } = await mesoscope(['scale', 'history', 'web', '--json', '--data', data])
  const { decisions } = JSON.parse(stdout) as { decisions: DecisionDoc[] }
  return decisions.filter((doc) => doc['event.action'] === 'scaled')
}

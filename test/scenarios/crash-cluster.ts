import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { messageId } from '../../alerting/channels/mail.ts'
import type { Answers } from '../../dashboards/api.ts'
import { wallClock } from '../../pipeline/clock.ts'
import type { DecisionDoc } from '../../pipeline/decision.ts'
import type { ChangeDoc } from '../../pipeline/event.ts'
import { killPoints } from '../../pipeline/fault.ts'
import { runningProcess } from '../../pipeline/owner.ts'
import { openSqliteStoreForReading, type StoreForReading } from '../../pipeline/store/sqlite.ts'
import type { Addresses, TaskView } from '../../playground/addresses.ts'
import type { ControlClient } from '../../playground/control-client.ts'
import type { WriteRequest } from '../../playground/marathon/state.ts'
import { spawnPlayground } from '../../playground/spawn.ts'
import { openRandom } from '../helpers/random.ts'
import { openClusterLedger, type ClusterLedger } from './cluster-ledger.ts'
import { runUntilKilled, startProgram } from './killing.ts'

/*
 * The crash harness on a cluster: Mesoscope is killed (SIGKILL) at named points, again and again, while the playground's
 * cluster goes on and is broken in its own ways; afterwards lines, ends of tasks, mails and scaling are counted
 * against ledgers of the cluster itself. Anyone can run it:
 *
 *   npm run crash:cluster -- --seed 7 --rounds 12
 */

interface Fault {
  name: string
  service?: string
  amount?: number
  seconds?: number
}

/** What is broken in a round. Faults that take an API away last less than a round. */
const faults: Fault[] = [
  { name: 'kill', service: '/shop/web' },
  { name: 'oom', service: '/shop/worker' },
  { name: 'oom', service: '/shop/web' },
  { name: 'deploy', service: '/shop/worker' },
  { name: 'load-step', amount: 60, seconds: 20 },
  { name: 'load-step', amount: 90, seconds: 15 },
  { name: 'events-drop', seconds: 8 },
  { name: 'events-double', seconds: 8 },
  { name: 'events-reorder', seconds: 8 },
  { name: 'marathon-503', seconds: 4 },
  { name: 'marathon-html', seconds: 4 },
  { name: 'marathon-away', seconds: 4 },
  { name: 'marathon-leader', seconds: 3 },
  { name: 'mesos-away', seconds: 4 },
  { name: 'mesos-leader', seconds: 3 },
  { name: 'docker-away', seconds: 4 },
  { name: 'offers-scarce', seconds: 6 },
]

/** Each run has something to scale and something to mail, however short it is. */
function faultOf(round: number, pick: <T>(from: readonly T[]) => T): Fault {
  const named = (name: string) => faults.filter((fault) => fault.name === name)
  if (round % 4 === 2) return pick(named('load-step'))
  return pick(round % 4 === 0 ? named('oom') : faults)
}

const scalePoints = killPoints.filter((point) => point.startsWith('scale:'))

/** Services whose lines stand alone: none is joined to another one. */
const counted = ['/shop/web', '/shop/worker', '/batch/report']

interface Result {
  kills: string[]
  faults: string[]
  lines: number
  lost: number
  duplicated: number
  gaps: number
  tasks: number
  /** Ends of tasks that are not told exactly once, or not as they were. */
  wrongEnds: string[]
  mails: number
  wrongIncidents: string[]
  scalings: number
  wrongScalings: string[]
  /** Services that do not stand in Mesoscope as they stand in Marathon. */
  wrongServices: string[]
}

export async function crashCluster({
  seed,
  rounds,
  say,
}: {
  seed: number
  rounds: number
  say: (line: string) => void
}): Promise<Result> {
  const dir = mkdtempSync(join(tmpdir(), 'mesoscope-crash-cluster-'))
  const random = openRandom(seed)
  const pick = <T>(from: readonly T[]) => from[Math.floor(random() * from.length)] as T
  await using stack = new AsyncDisposableStack()
  stack.defer(() => rmSync(dir, { recursive: true, force: true, maxRetries: 5 }))
  const playground = await spawnPlayground({
    dir: join(dir, 'playground'),
    seed: String(seed),
    batchEveryMs: 2000,
  })
  stack.defer(() => playground.close())
  const { addresses, client } = playground
  const roots = addresses.agents.map(({ dockerRoot }) => dockerRoot)
  const ledger = openClusterLedger({ client, roots, dir: join(dir, 'ledger') })
  stack.defer(() => ledger.stop())
  const settings = join(dir, 'crash.json')
  writeFileSync(settings, JSON.stringify(config(join(dir, 'data'), addresses)))

  const kills: string[] = []
  const broken: string[] = []
  await until('the cluster runs', () => isCalm(addresses))
  for (let round = 0; round < rounds; round++) {
    const fault = faultOf(round, pick)
    // A load that rises is there to be scaled: then the kill comes at one of the points of that.
    const isLoad = fault.name.startsWith('load')
    const armed = isLoad
      ? `${pick(scalePoints)}:1`
      : `${pick(killPoints)}:${1 + Math.floor(random() * 6)}`
    const done = await client.apply(fault).then(
      () => 'done',
      (error: Error) => error.message,
    )
    broken.push(`${fault.name} ${fault.service ?? ''}: ${done}`)
    const died = await runUntilKilled(settings, armed, (isLoad ? 14_000 : 7000) + random() * 4000)
    kills.push(died ? armed : `${armed} (not reached; killed from outside)`)
    say(`round ${round + 1}/${rounds}: ${broken.at(-1)}; ${kills.at(-1)}`)
  }
  await client.apply({ name: 'calm' })
  const last = startProgram(settings)
  stack.defer(() => void last.kill('SIGKILL'))
  // Whatever the kills have left: it scales.
  await client.apply({ name: 'load-step', amount: 75, seconds: 60 })
  const before = await patchesOf(client)
  await until('the load is followed', async () => (await patchesOf(client)) > before)
  await client.apply({ name: 'calm' })
  const reader = openSqliteStoreForReading({ dir: join(dir, 'data', 'store') })
  stack.defer(() => reader.close())
  await settled({ addresses, client, ledger, reader })
  const wrongServices = await compareServices(join(dir, 'data'), addresses)
  // The cluster goes on all the time: all this is compared as of one moment, lines when it has stopped.
  const compared = await compareAll({ addresses, client, ledger, reader })
  await playground.close()
  await ledger.stop()
  await untilStored(reader, ledger)
  last.kill('SIGTERM')
  await once(last, 'exit')
  const counts = await countLines(reader, ledger)
  return { kills, faults: broken, ...counts, ...compared, wrongServices }
}

const patchesOf = async (client: ControlClient) =>
  (await client.writes()).filter(({ method, status }) => method === 'PATCH' && status === 200)
    .length

/** Ends, mails and scalings, when all of them agree with the ledgers; else how they differ in the end. */
async function compareAll({ client, ledger, reader }: Cluster) {
  const compare = async (tasks: ReadonlyMap<string, TaskView>) => ({
    ...(await compareEnds(reader, tasks)),
    ...(await compareIncidents(reader, await client.mails())),
    ...(await compareScalings(reader, await client.writes())),
  })
  let compared = await compare(new Map(ledger.tasks))
  await until('ends, mails and scalings are as the cluster had them', async () => {
    compared = await compare(new Map(ledger.tasks))
    const { wrongEnds, wrongIncidents, wrongScalings } = compared
    return wrongEnds.length + wrongIncidents.length + wrongScalings.length === 0
  })
  return compared
}

function config(data: string, { masters, marathons, agents, mailCatcher }: Addresses) {
  const ends = (where: string) => ({
    from: 'changes',
    where,
    measure: 'count',
    over: '5s',
    by: ['service'],
  })
  return {
    data,
    log_level: 'error',
    listen: { port: 0 },
    collectors: {
      docker: agents.map(({ dockerRoot, dockerSocket }) => ({
        root: join(dockerRoot, 'containers'),
        socket: dockerSocket,
      })),
      mesos_sandbox: agents.map(({ workDir }) => ({ work_dir: workDir })),
      mesos_master: [{ urls: masters }],
      marathon: [{ urls: marathons }],
      metrics_interval: '1s',
    },
    signals: {
      requests: { where: 'method:* AND status:*', measure: 'rate', over: '10s', by: ['service'] },
      oom_kills: ends('kind:task AND oom:true'),
      // The batch fails now and then by itself, for ever.
      all_deaths: ends('kind:task AND action:died AND NOT service:"/batch/report"'),
    },
    evaluation: { interval: '1s', resolution: '1s' },
    autoscaling: { interval: '1s' },
    alerts: [
      { alert: 'OutOfMemory', when: 'oom_kills > 0' },
      { alert: 'Died', when: 'all_deaths > 0' },
    ],
    mail: { ...mailCatcher, from: 'mesoscope@localhost', to: ['oncall@localhost'] },
  }
}

const patienceMs = 150_000

async function until(what: string, done: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + patienceMs
  while (performance.now() < end) {
    if (await done().catch(() => false)) return
    await sleep(300)
  }
  process.stderr.write(
    `crash harness: gave up waiting until ${what}; what is wrong is counted below\n`,
  )
}

interface Cluster {
  addresses: Addresses
  client: ControlClient
  ledger: ClusterLedger
  reader: StoreForReading
}

/** No task ends any more but those of the batch, no deployment is under way, every alert is over. */
function settled({ addresses, reader }: Cluster): Promise<void> {
  return until('the cluster is calm and every alert is over', async () => {
    const calm = await isCalm(addresses)
    const alerts = await reader.docs('changes', { kinds: ['alert'], limit: 10_000 })
    const counts = (action: string) =>
      new Set(
        alerts.filter((doc) => doc['event.action'] === action).map((doc) => doc['alert.incident']),
      ).size
    return calm && counts('fired') === counts('resolved')
  })
}

async function isCalm(addresses: Addresses): Promise<boolean> {
  const { apps } = await marathonApps(addresses)
  return apps.every(
    ({ deployments, instances, tasksRunning, tasksStaged }) =>
      deployments.length === 0 && tasksRunning === instances && tasksStaged === 0,
  )
}

interface MarathonApp {
  id: string
  instances: number
  tasksRunning: number
  tasksStaged: number
  deployments: unknown[]
}

async function marathonApps({ marathons }: Addresses): Promise<{ apps: MarathonApp[] }> {
  const query = 'embed=apps.counts&embed=apps.deployments'
  const response = await fetch(`${marathons[0]}/v2/apps?${query}`)
  return (await response.json()) as { apps: MarathonApp[] }
}

async function compareServices(data: string, addresses: Addresses): Promise<string[]> {
  let wrong: string[] = ['never compared']
  await until('services stand in Mesoscope as in Marathon', async () => {
    const { services } = await servicesOf(data)
    const { apps } = await marathonApps(addresses)
    wrong = apps.flatMap(({ id, instances, tasksRunning }) => {
      const told = services.find(({ service }) => service === id)?.instances
      return told?.wanted === instances && told.running === tasksRunning
        ? []
        : [`${id}: ${instances} wanted, ${tasksRunning} running; told ${JSON.stringify(told)}`]
    })
    return wrong.length === 0
  })
  return wrong
}

async function servicesOf(data: string): Promise<Answers['/api/services']> {
  const url = runningProcess(data)?.url
  return (await (await fetch(`${url}/api/services`)).json()) as Answers['/api/services']
}

function untilStored(reader: StoreForReading, ledger: ClusterLedger): Promise<void> {
  const written = wantedLines(ledger)
  return until('all lines are stored', async () => {
    const found = await storedLines(reader)
    return [...written].every(([container, lines]) => (found.get(container)?.size ?? 0) >= lines)
  })
}

/** Lines by container, of services whose lines are counted. */
function wantedLines(ledger: ClusterLedger): Map<string, number> {
  const containers = new Set(
    [...ledger.tasks.values()].flatMap(({ service, docker }) =>
      docker && counted.includes(service) ? docker : [],
    ),
  )
  return new Map([...ledger.lines()].filter(([container]) => containers.has(container)))
}

/** How often each line is there, by container and id. */
async function storedLines(reader: StoreForReading): Promise<Map<string, Map<string, number>>> {
  const found = new Map<string, Map<string, number>>()
  let cursor: string | undefined
  do {
    const page = await reader.search({
      services: counted,
      limit: 10_000,
      ...(cursor ? { cursor } : {}),
    })
    for (const doc of page.hits) {
      const container = String(doc['container.id'])
      const ids = found.get(container) ?? new Map<string, number>()
      ids.set(doc['event.id'], (ids.get(doc['event.id']) ?? 0) + 1)
      found.set(container, ids)
    }
    cursor = page.next
  } while (cursor)
  return found
}

async function countLines(reader: StoreForReading, ledger: ClusterLedger) {
  const found = await storedLines(reader)
  let [lines, lost, duplicated] = [0, 0, 0]
  for (const [container, written] of wantedLines(ledger)) {
    const ids = found.get(container) ?? new Map<string, number>()
    lines += written
    lost += Math.max(0, written - ids.size)
    duplicated += Math.max(0, ids.size - written)
    for (const times of ids.values()) duplicated += times - 1
  }
  const gaps = (await reader.audit({})).gaps.length
  return { lines, lost, duplicated, gaps }
}

const actions: Record<string, string> = {
  TASK_FAILED: 'died',
  TASK_FINISHED: 'finished',
  TASK_KILLED: 'killed',
}

/** Each end of a task is one event that tells how it was. */
async function compareEnds(reader: StoreForReading, tasks: ReadonlyMap<string, TaskView>) {
  const docs = (await reader.docs('changes', { kinds: ['task'], limit: 100_000 })) as ChangeDoc[]
  const byTask = Map.groupBy(docs, (doc) => String(doc['mesos.task.id']))
  const ended = [...tasks.values()].filter(({ state }) => actions[state])
  return {
    tasks: ended.length,
    wrongEnds: ended.flatMap((task) => wrongEnd(task, byTask.get(task.id) ?? [])),
  }
}

function wrongEnd({ id, state, exit }: TaskView, docs: ChangeDoc[]): string[] {
  const [doc, ...more] = docs
  if (!doc || more.length > 0) return [`${id} (${state}) is told ${docs.length} times`]
  const told = { action: doc['event.action'], oom: doc['container.oom_killed'] === true }
  const real = { action: actions[state], oom: exit?.oomKilled ?? false }
  const code = doc['process.exit_code']
  const isRight =
    told.action === real.action &&
    told.oom === real.oom &&
    (code === undefined || code === exit?.code)
  return isRight
    ? []
    : [
        `${id} is told as ${JSON.stringify({ ...told, code })}, was ${JSON.stringify({ state, exit })}`,
      ]
}

/** One mail for each incident's beginning and one for its end, as anybody sees them who goes by the Message-ID. */
async function compareIncidents(
  reader: StoreForReading,
  mails: readonly { subject: string; messageId: string }[],
) {
  const alerts = await reader.docs('changes', { kinds: ['alert'], limit: 10_000 })
  const told = alerts.flatMap((doc) => {
    const state = { fired: 'firing', resolved: 'resolved' }[doc['event.action'] as string]
    return state ? [messageId(String(doc['alert.incident']), state as 'firing', 'localhost')] : []
  })
  const sent = mails.map((mail) => mail.messageId)
  const wrongIncidents = [
    ...told.filter((id) => !sent.includes(id)).map((id) => `no mail ${id}`),
    ...sent.filter((id) => !told.includes(id)).map((id) => `a mail of no incident: ${id}`),
  ]
  return { mails: mails.length, wrongIncidents }
}

/** What Marathon was asked is what was decided, change by change; nothing was forced, nothing beyond the limits. */
async function compareScalings(reader: StoreForReading, writes: readonly WriteRequest[]) {
  const docs = (await reader.docs('decisions', { limit: 100_000 })) as unknown as DecisionDoc[]
  const decided = docs
    .filter((doc) => doc['event.action'] === 'scaled')
    .map((doc) => doc['scaling.to'])
  const patches = writes.filter(
    ({ method, path }) => method === 'PATCH' && path.startsWith('/v2/apps/'),
  )
  const asked = patches
    .filter(({ status }) => status < 300)
    .map(({ body }) => (JSON.parse(body) as { instances: number }).instances)
  const wrongScalings: string[] = []
  if (ascending(decided).join() !== ascending(asked).join())
    wrongScalings.push(
      `decided ${decided.toReversed().join()}; Marathon was asked for ${asked.join()}`,
    )
  if (asked.some((instances) => instances < 2 || instances > 8))
    wrongScalings.push(`beyond 2 to 8: ${asked.join()}`)
  if (patches.some(({ force }) => force)) wrongScalings.push('forced')
  return { scalings: asked.length, wrongScalings }
}

const ascending = (numbers: readonly number[]) => numbers.toSorted((a, b) => a - b)

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { seed: { type: 'string' }, rounds: { type: 'string', default: '12' } },
  })
  const seed = Number(values.seed ?? wallClock.now() % 100_000)
  const say = (line: string) => void process.stdout.write(`${line}\n`)
  say(`crash harness on a cluster: seed ${seed}, ${values.rounds} rounds`)
  const result = await crashCluster({ seed, rounds: Number(values.rounds), say })
  say(JSON.stringify(result, null, 2))
  const { lost, duplicated, gaps, wrongEnds, wrongIncidents, wrongScalings, wrongServices } = result
  const lists = [wrongEnds, wrongIncidents, wrongScalings, wrongServices]
  const wrong = lost + duplicated + gaps + lists.reduce((sum, list) => sum + list.length, 0) > 0
  const { lines, tasks, mails, scalings } = result
  // A run in which one of these did not occur proves nothing of it.
  const isEmpty = [lines, tasks, mails, scalings].includes(0)
  if (wrong || isEmpty) process.exitCode = 1
}

if (import.meta.main) await main()

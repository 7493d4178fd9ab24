import { mkdtempSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import type { DecisionDoc } from '../../pipeline/decision.ts'
import { wallClock } from '../../pipeline/clock.ts'
import { runProgram, type RunningProgram } from '../program.ts'
import { base, liveShapes, type LiveShape } from './live-shapes.ts'
import { inWords, movesOf, reckon, type Sample } from './reckoning.ts'
import { hpa, seed, type Aim, type Scaler } from './scalers.ts'
import { collectorsOf, openSite, service, until, type Site } from './site.ts'

/*
 * `npm run bench:closed-loop [-- --shapes step,spike --scale 0.5]`: the same load at the same time on three playgrounds of
 * real processes, one followed by Mesoscope, one by the HPA's algorithm, one by the seed site's own. It takes 50 minutes and
 * a machine that has nothing else to do.
 */

const aim: Aim = { target: 15, min: 2, max: 8 }

/** One that follows the load in a site of its own. */
interface Runner {
  name: string
  site: Site
  samples: Sample[]
  /** Undefined where another process does it. */
  scaler: Scaler | undefined
}

async function run(shape: LiveShape): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'mesoscope-bench-'))
  await using stack = new AsyncDisposableStack()
  stack.defer(() => rmSync(dir, { recursive: true, force: true, maxRetries: 5 }))
  const open = async (name: string, scaler?: Scaler): Promise<Runner> => {
    const site = await openSite(join(dir, name.replace(/\W/g, '-')), base, aim.min)
    stack.defer(() => site.close())
    return { name, site, samples: [], scaler }
  }
  const others = [hpa(aim), seed(aim)]
  const own = await open('Mesoscope at its defaults')
  const runners = [own, ...(await Promise.all(others.map((one) => open(one.name, one))))]
  const program = await openMesoscope(dir, own.site)
  stack.defer(() => program.stop())

  const begunMs = Math.ceil(wallClock.now() / 1000) * 1000
  const machine = openMachine()
  await follow(shape, runners, begunMs)
  const busy = machine.busy()
  for (const runner of runners) await tell(shape, runner, begunMs)
  const told = await checkDecisions(program, own, begunMs)
  say(`${shape.name} load, the machine`, `${busy} busy; ${told} changes of Mesoscope, all told`)
}

function openMesoscope(dir: string, { addresses }: Site): Promise<RunningProgram> {
  const { target, min, max } = aim
  return runProgram(dir, {
    collectors: collectorsOf(addresses),
    signals: {
      requests: { where: 'method:* AND status:*', measure: 'rate', over: '10s', by: ['service'] },
    },
    autoscaling: { services: [{ service, target: { requests: target }, min, max }] },
  })
}

/** Once a second, all at the same time. */
async function follow(
  shape: LiveShape,
  runners: readonly Runner[],
  begunMs: number,
): Promise<void> {
  // The ledger of a second is there a little after it.
  const lateMs = 200
  for (let t = 0; t < shape.seconds; t++) {
    await sleep(Math.max(0, begunMs + t * 1000 + lateMs - wallClock.now()))
    if (shape.waves.includes(t)) await Promise.all(runners.map(({ site }) => wave(shape, site)))
    await Promise.all(runners.map(step))
  }
}

function wave({ fault, top, waveSeconds }: LiveShape, { client }: Site): Promise<string> {
  return client.apply({ name: fault, amount: top, seconds: waveSeconds })
}

async function step({ site, samples, scaler }: Runner): Promise<void> {
  samples.push(await site.look())
  if (scaler) await site.turnOf(scaler)
}

async function tell(
  shape: LiveShape,
  { name, site, samples }: Runner,
  begunMs: number,
): Promise<void> {
  const row = { scaler: name, shape: shape.name, ...reckon(samples, aim, shape.plateau) }
  const { all, lost } = await site.requestsSince(begunMs / 1000)
  const refused = await site.refusedSince(begunMs)
  const words = inWords(row)
  const share = ((lost / all) * 100).toFixed(1)
  say(
    words.name,
    `${words.value}, ${lost} of ${all} requests in vain (${share} %), ${refused} changes refused by Marathon`,
  )
}

/** Each change that Marathon saw has its decision, with its reason, and there are no others. Returns how many. */
async function checkDecisions(
  program: RunningProgram,
  { samples }: Runner,
  begunMs: number,
): Promise<number> {
  const seen = movesOf(samples.map(({ wanted }) => wanted)).map(({ from, to }) => `${from} → ${to}`)
  const path = `/api/decisions?service=${encodeURIComponent(service)}&from=${begunMs}&limit=1000`
  const told = async () => {
    const { decisions } = await program.get<{ decisions: DecisionDoc[] }>(path)
    const changes = decisions.map(({ decision }) => decision)
    return changes.filter(({ outcome }) => outcome === 'scaled').toReversed()
  }
  const words = async () => (await told()).map(({ from, to }) => `${from} → ${to}`)
  // The last one may not be stored yet.
  await until(
    async () => (await words()).length >= seen.length,
    `Marathon saw ${seen.join(', ')}; fewer decisions tell of it`,
  )
  const decided = await words()
  if (decided.join() !== seen.join())
    throw new Error(`Marathon saw ${seen.join(', ')}; decisions tell ${decided.join(', ')}`)
  const silent = (await told()).find(({ message, inputs }) => !message || !inputs.targets.length)
  if (silent) throw new Error(`no reason is told of ${silent.from} → ${silent.to}`)
  return seen.length
}

/** How busy all cores were since then, in percent: a machine that is short of time measures itself. */
function openMachine() {
  const sum = () => {
    const times = cpus().map((core) => core.times)
    const idle = times.reduce((total, one) => total + one.idle, 0)
    return { idle, all: times.flatMap(Object.values<number>).reduce((a, b) => a + b, 0) }
  }
  const begun = sum()
  return {
    busy() {
      const now = sum()
      return `${(100 - ((now.idle - begun.idle) / (now.all - begun.all)) * 100).toFixed(0)} %`
    },
  }
}

function say(name: string, value: string): void {
  process.stdout.write(`${name.padEnd(44)} ${value}\n`)
}

const { values } = parseArgs({
  options: { shapes: { type: 'string' }, scale: { type: 'string', default: '1' } },
})
const scale = Number(values.scale)
if (!(scale > 0)) throw new Error(`--scale ${values.scale}: give a number above 0`)
const known = liveShapes(scale)
const names = values.shapes?.split(',') ?? known.map(({ name }) => name)
const unknown = names.find((name) => !known.some((shape) => shape.name === name))
if (unknown !== undefined)
  throw new Error(`--shapes ${unknown}: there are ${known.map(({ name }) => name).join(', ')}`)
if (scale !== 1)
  say(`loads take ${scale} of their time`, 'loops and windows of the scalers take theirs')
for (const shape of known) if (names.includes(shape.name)) await run(shape)

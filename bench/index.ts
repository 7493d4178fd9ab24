import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createHash } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { wallClock } from '../pipeline/clock.ts'
import { openMailCatcher } from '../playground/mail-catcher.ts'
import { parseOnly, rowPerLine } from './baselines.ts'
import { writeData } from './data.ts'
import { runProgram, type RunningProgram } from './program.ts'
import { measureEvaluations } from './scaling/evaluations.ts'
import { base, floorSeconds, liveScaling, top, windowSeconds } from './scaling/live.ts'
import { manySteps } from './scaling/many.ts'
import { inWords } from './scaling/reckoning.ts'
import { compareScaling } from './scaling/run.ts'

/*
 * `npm run bench [-- --scale 4]`: the numbers the project claims, and what they are held against, in one run.
 * Everything is on as by default: levels, multi-line, redaction, full text, fsync.
 */

const million = 1_000_000
/** Its lines would never let it be quiet. */
const noCanary = { canary: { enabled: false } }
const services = ['/shop/orders', '/shop/cart', '/edge/proxy', '/shop/billing']

function say(name: string, value: string): void {
  process.stdout.write(`${name.padEnd(58)} ${value}\n`)
}

const percentile = (values: number[], p: number) =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * p))] ??
  Number.NaN

/** From four json-files to searchable, with searches meanwhile. */
async function ingest(lines: number): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'mesoscope-bench-'))
  const root = join(dir, 'containers')
  try {
    const { bytes } = writeData(root, lines)
    say(`${lines / million} million lines, MB of json-files`, (bytes / 1e6).toFixed(0))
    // Both take whole files into memory.
    const floor = lines <= 4 * million ? parseOnly(root) : undefined
    const plain = lines <= million ? rowPerLine(root, dir) : undefined
    const begun = performance.now()
    const program = await runProgram(dir, { collectors: { docker: [{ root }], ...noCanary } })
    const searching = openSearcher(program)
    const events = await untilQuiet(program)
    const seconds = (events.atMs - begun) / 1000
    const searches = await searching.stop()
    const { cpuSeconds, peakMiB } = program.usage()
    await program.stop()
    const perMillion = (cpu: number) => ((cpu / lines) * million).toFixed(2)
    say(
      '  lines/s to searchable, start of the program included',
      Math.round(lines / seconds).toLocaleString('en'),
    )
    say('  CPU-seconds a million lines', perMillion(cpuSeconds))
    say('  peak memory, MiB', String(peakMiB))
    say('  events stored (stack traces are one event)', events.stored.toLocaleString('en'))
    say(
      '  first page of a service while writing, p50 / p95 ms',
      `${percentile(searches, 0.5).toFixed(0)} / ${percentile(searches, 0.95).toFixed(0)} (${searches.length} searches)`,
    )
    if (floor) {
      say(
        '  CPU against JSON.parse + stringify alone, nothing stored',
        `${(cpuSeconds / floor.cpuSeconds).toFixed(2)} × (floor ${perMillion(floor.cpuSeconds)})`,
      )
    }
    if (plain) {
      say(
        '  rate against a row and a full-text entry a line',
        `${(lines / seconds / (plain.lines / plain.seconds)).toFixed(2)} × (plain ${Math.round(plain.lines / plain.seconds).toLocaleString('en')} lines/s, ${perMillion(plain.cpuSeconds)} CPU-s)`,
      )
    }
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

/** Asks for the first page of one service after the other for as long as it runs. */
function openSearcher(program: RunningProgram) {
  const times: number[] = []
  let stopped = false
  async function search(): Promise<void> {
    for (let i = 0; !stopped; i++) {
      const begun = performance.now()
      const service = encodeURIComponent(services[i % services.length] as string)
      const answer = await program
        .get<{ hits: unknown[] }>(`/api/logs?service=${service}&limit=100`)
        .catch(() => undefined)
      // A service that has no line yet is not known: that is no first page.
      if (answer && answer.hits.length > 0) times.push(performance.now() - begun)
      await sleep(100)
    }
  }
  const done = search()
  return {
    async stop() {
      stopped = true
      await done
      return times
    },
  }
}

/** Waits until no more lines come; the time is that of the last one. */
async function untilQuiet(program: RunningProgram): Promise<{ stored: number; atMs: number }> {
  let stored = 0
  let atMs = performance.now()
  while (stored === 0 || performance.now() - atMs < 2500) {
    const metrics = await (await fetch(`${program.url}/metrics`)).text()
    const now = Number(/^mesoscope_indexed_lines_total (\d+)/m.exec(metrics)?.[1] ?? 0)
    if (now > stored) {
      stored = now
      atMs = performance.now()
    }
    await sleep(50)
  }
  return { stored, atMs }
}

/** From the first error line written to the alert mail accepted, for one service after the other; by routes, or each by itself. */
async function alertLatency(rounds: number, byRoutes: boolean): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'mesoscope-bench-'))
  const catcher = await openMailCatcher({ clock: wallClock })
  try {
    const root = join(dir, 'containers')
    mkdirSync(root, { recursive: true })
    const program = await runProgram(dir, {
      collectors: { docker: [{ root }], ...noCanary },
      signals: { errors: { where: 'level:error', measure: 'count', over: '5s' } },
      evaluation: { interval: '1s', resolution: '1s' },
      alerts: [{ alert: 'Errors', when: 'errors > 0' }],
      ...(byRoutes
        ? { notifications: { config: routesTo(dir, catcher) } }
        : { mail: { host: catcher.host, port: catcher.port } }),
    })
    await sleep(3000)
    const times: number[] = []
    for (let round = 0; round < rounds; round++) {
      const service = `/bench/s${round}`
      const begun = wallClock.now()
      writeErrorLine(root, service)
      const mail = await catcher.waitFor(
        ({ subject }) => subject.includes('FIRING') && subject.includes(`${service}:`),
        30_000,
      )
      times.push(mail.receivedAt - begun)
      await sleep(Math.random() * 500)
    }
    await program.stop()
    say(
      `line written → mail accepted${byRoutes ? ', by routes' : ''} (rules each second), p50 / p99 s`,
      `${(percentile(times, 0.5) / 1000).toFixed(2)} / ${(percentile(times, 0.99) / 1000).toFixed(2)} (${rounds} mails)`,
    )
  } finally {
    await catcher.close()
    rmSync(dir, { recursive: true, force: true })
  }
}

/** Alertmanager's configuration that waits for nothing. */
function routesTo(dir: string, { host, port }: { host: string; port: number }): string {
  const file = join(dir, 'alertmanager.yml')
  writeFileSync(
    file,
    `global: { smtp_smarthost: '${host}:${port}', smtp_from: 'bench@example.org', smtp_require_tls: false }
route: { receiver: mail, group_by: [service], group_wait: 0s, group_interval: 1m }
receivers: [{ name: mail, email_configs: [{ to: 'oncall@example.org' }] }]
`,
  )
  return file
}

function writeErrorLine(root: string, service: string): void {
  const id = createHash('sha256').update(service).digest('hex')
  const dir = join(root, id)
  mkdirSync(dir)
  writeFileSync(
    join(dir, 'config.v2.json'),
    JSON.stringify({
      ID: id,
      Name: `/${id.slice(0, 8)}`,
      Config: { Env: [`MARATHON_APP_ID=${service}`], Labels: {} },
      State: { Running: true },
    }),
  )
  const time = new Date(wallClock.now()).toISOString()
  appendFileSync(
    join(dir, `${id}-json.log`),
    `${JSON.stringify({ log: 'ERROR something broke\n', stream: 'stderr', time })}\n`,
  )
}

/** All shapes of load in simulation, beside two other ways to follow them. */
function shapes(): void {
  for (const row of compareScaling()) {
    const { name, value } = inWords(row)
    say(name, value)
  }
}

const both = (times: number[]) =>
  `${percentile(times, 0.5).toFixed(2)} / ${percentile(times, 0.99).toFixed(2)}`
const stepWords = `load step ${base} → ${top}/s, window ${windowSeconds} s → PATCH`

/** From the first line of a step to the PATCH, on many services at once. */
async function manyLoadSteps(seconds: number): Promise<void> {
  const { toPatch, missed } = await manySteps(seconds)
  say(
    `${stepWords}, p50 / p99 s`,
    `${both(toPatch)} (${toPatch.length} steps, ${missed} missed; the window alone takes ${floorSeconds.toFixed(2)})`,
  )
}

/** The same on real processes, one step after the other, until there are enough. */
async function loadSteps(steps: number): Promise<void> {
  const few = (times: number[]) =>
    `${percentile(times, 0.5).toFixed(2)} / ${percentile(times, 1).toFixed(2)}`
  const live = await liveScaling(steps)
  say(`${stepWords}, on real processes, p50 / most s`, `${few(live.toPatch)} (${steps} steps)`)
  say('  until enough instances are healthy, p50 / most s', few(live.toEnough))
  say('  instances too many, at most', String(live.overshoot))
}

/** What an evaluation of all policies costs, while there is nothing to do and while each has to be changed. */
async function evaluations(services: number): Promise<void> {
  for (const changing of [false, true]) {
    const made = await measureEvaluations({ services, rounds: 100, changing })
    const { perSecond, share, rounds } = made
    const load = changing ? 'all change each time' : 'calm'
    say(
      `${services} services × 3 targets, ${load}: evaluations/s on a core`,
      `${Math.round(perSecond).toLocaleString('en')} (${(share * 100).toFixed(0)} % of it at one a second)`,
    )
    say(
      '  all of them, signals read and decisions written, p50 / p99 ms',
      `${percentile(rounds, 0.5).toFixed(0)} / ${percentile(rounds, 0.99).toFixed(0)}`,
    )
  }
}

const { values } = parseArgs({
  options: {
    scale: { type: 'string', multiple: true },
    mails: { type: 'string', default: '50' },
    'step-seconds': { type: 'string', default: '100' },
    steps: { type: 'string', default: '3' },
    services: { type: 'string', default: '2000' },
  },
})
for (const scale of values.scale ?? ['1'])
  if (Number(scale) > 0) await ingest(Number(scale) * million)
for (const byRoutes of [false, true])
  if (Number(values.mails) > 0) await alertLatency(Number(values.mails), byRoutes)
shapes()
if (Number(values['step-seconds']) > 0) await manyLoadSteps(Number(values['step-seconds']))
if (Number(values.steps) > 0) await loadSteps(Number(values.steps))
if (Number(values.services) > 0) await evaluations(Number(values.services))

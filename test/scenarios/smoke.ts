import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Answers, MailView } from '../../dashboards/api.ts'
import { wallClock } from '../../pipeline/clock.ts'
import { isoToMs } from '../../pipeline/event.ts'
import type { PostMortem } from '../../pipeline/post-mortem/find.ts'
import { runningProcess } from '../../pipeline/owner.ts'

/*
 * `npm run smoke`: what `npm start` starts, on free ports and in a fresh directory, used as a newcomer would. One line
 * a step with its time; the exit code says whether all of it worked.
 */

const program = fileURLToPath(new URL('../../bin/mesoscope.js', import.meta.url))
const data = mkdtempSync(join(tmpdir(), 'mesoscope-smoke-'))
const started = performance.now()
let failed = 0

const demo = spawn(program, ['demo', '--data', data, '--port', '0', '--fresh'], {
  stdio: ['ignore', 'pipe', 'inherit'],
})
demo.stdout.resume()

/** Asks until there is an answer, or the time is over. */
async function until<T>(withinSeconds: number, ask: () => Promise<T | undefined>): Promise<T> {
  const end = performance.now() + withinSeconds * 1000
  let last: unknown
  while (performance.now() < end) {
    if (demo.exitCode !== null) throw new Error(`the demo has ended with code ${demo.exitCode}`)
    try {
      const answer = await ask()
      if (answer !== undefined) return answer
    } catch (error) {
      last = error
    }
    await sleep(200)
  }
  throw new Error(
    `not within ${withinSeconds} s${last instanceof Error ? `: ${last.message}` : ''}`,
  )
}

async function step<T>(title: string, work: () => Promise<T>): Promise<T | undefined> {
  const begun = performance.now()
  const seconds = (since: number) => ((performance.now() - since) / 1000).toFixed(1).padStart(5)
  const tell = (mark: string, more: string) =>
    process.stdout.write(`${mark} ${seconds(begun)} s  at ${seconds(started)} s  ${title}${more}\n`)
  try {
    const result = await work()
    tell('ok  ', '')
    return result
  } catch (error) {
    failed++
    tell('FAIL', `: ${error instanceof Error ? error.message : String(error)}`)
    return undefined
  }
}

const run = promisify(execFile)
/** The command line, as a person would use it. */
const mesoscope = async (...args: string[]) =>
  (await run(program, args, { maxBuffer: 2 ** 24 })).stdout

const address = () => runningProcess(data)?.url
async function get<Path extends keyof Answers>(path: Path, query = ''): Promise<Answers[Path]> {
  const response = await fetch(`${address()}${path}${query}`)
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
  return (await response.json()) as Answers[Path]
}

const mails = async () => (await get('/api/mails')).mails

const mailAbout = (state: string, alert: string, service: string) =>
  until(60, async () =>
    (await mails()).find(({ subject }) => subject.startsWith(`[${state}] ${alert} ${service}:`)),
  )

/** The lines behind the link of a mail: the page asks the API with the same parameters. */
async function linesBehind(mail: MailView): Promise<void> {
  const link = /https?:\/\/\S+#\/logs\?(\S+)/.exec(mail.text)
  if (!link) throw new Error('the mail has no link to its lines')
  const { hits } = await get('/api/logs', `?${link[1]}`)
  if (hits.length === 0) throw new Error(`the link of the mail shows no line: ${link[1]}`)
  const other = hits.find(
    (doc) => doc['service.name'] !== '/shop/web' || !['error', 'fatal'].includes(doc['log.level']),
  )
  if (other)
    throw new Error(`the link of the mail shows a line that is not about it: ${other.message}`)
}

const fault = (...args: string[]) => mesoscope('playground', '--data', data, 'fault', ...args)

async function web() {
  const { services } = await get('/api/services')
  const found = services.find(({ service }) => service === '/shop/web')
  if (!found?.instances) throw new Error('Marathon told nothing of /shop/web')
  return { ...found, instances: found.instances }
}

const changes = async (query: string) => (await get('/api/changes', `?${query}`)).changes

/** All that a mail about a killed task must say. */
function checkDeath({ text }: MailView): void {
  for (const part of [
    /Exit code: +137 \(SIGKILL\)/,
    /Out of memory: +yes/,
    /Memory: .*\d MiB/,
    /Version: +\d{4}-/,
    /Death: +number \d+ of the service within 10 minutes/,
    /#\/why\?task=shop_payments/,
    /Owner: +team-money/,
    /Runbook: +http/,
  ]) {
    if (!part.test(text))
      throw new Error(`the mail does not say ${String(part)}: ${text.slice(0, 2000)}`)
  }
  const lines = text.slice(text.indexOf('The last lines of')).match(/shop\.payments/g) ?? []
  if (lines.length < 10) throw new Error(`only ${lines.length} of its last lines`)
}

try {
  await step('it answers and says that it is healthy', () =>
    until(30, async () => {
      const response = await fetch(`${address()}/healthz`)
      return response.ok && ((await response.json()) as { status: string }).status === 'green'
        ? true
        : undefined
    }),
  )
  await step('every sample service is searchable, also those without Docker', () =>
    until(60, async () => {
      const { services } = await get('/api/services')
      const wrote = services.filter(({ lines }) => lines > 0).map(({ service }) => service)
      const wanted = [
        '/shop/web',
        '/shop/worker',
        '/shop/payments',
        '/shop/db',
        '/shop/search',
        '/batch/report',
      ]
      return wanted.every((name) => wrote.includes(name)) ? true : undefined
    }),
  )
  await step('its load is measured: requests, CPU and memory of limit, instances', () =>
    until(60, async () => {
      const { now = {}, instances } = await web()
      const { requests = 0, cpu = 0, memory = 0 } = now
      return requests > 1 && cpu > 0 && memory > 0.1 && instances.healthy === 2 ? true : undefined
    }),
  )
  await step(
    'a line has the whole identity: service, task, agent, version, image, framework, owner',
    () =>
      until(30, async () => {
        const { hits } = await get('/api/logs', '?service=/shop/web&limit=1')
        const fields = [
          'mesos.task.id',
          'host.name',
          'service.version',
          'container.image.name',
          'mesos.framework.id',
          'mesoscope.owner',
          'mesoscope.runbook',
        ]
        return fields.every((field) => hits[0]?.[field]) ? true : undefined
      }),
  )
  await step('mesoscope logs web shows all instances in the order of time', async () => {
    const lines = (await mesoscope('logs', 'web', '-n', '50', '--json', '--data', data))
      .trim()
      .split('\n')
    const docs = lines.map((line) => JSON.parse(line) as Record<string, string>)
    const times = docs.map((doc) => doc['@timestamp'] ?? '')
    if (times.join() !== times.toSorted().join()) throw new Error('not in the order of time')
    const tasks = new Set(docs.map((doc) => doc['mesos.task.id']))
    if (tasks.size < 2) throw new Error(`lines of only ${tasks.size} instance`)
  })
  await step('the page is served', async () => {
    const response = await fetch(`${address()}/`)
    if (!response.ok || !(await response.text()).includes('Mesoscope')) throw new Error('no page')
  })
  await step('mesoscope playground fault errors', () => fault('errors'))
  const firing = await step('one alert mail has come', () =>
    mailAbout('FIRING', 'HighErrorRate', '/shop/web'),
  )
  if (firing) await step('its link shows the lines it is about', () => linesBehind(firing))
  await step('mesoscope playground fault calm', () => fault('calm'))
  await step('one resolved mail has come', () =>
    mailAbout('RESOLVED', 'HighErrorRate', '/shop/web'),
  )

  await step('a load step', () => fault('load-step', '--seconds', '40'))
  await step('more instances are wanted, and become healthy', () =>
    until(40, async () => {
      const { instances } = await web()
      return instances.wanted > 2 && instances.healthy > 2 ? true : undefined
    }),
  )
  await step('mesoscope scale explain says why', async () => {
    const told = await mesoscope('scale', 'history', 'web', '--data', data)
    if (!/requests \d[\d.]*\/s over \d+ ready instances? is/.test(told)) throw new Error(told)
    const explained = await mesoscope('scale', 'explain', 'web', '--data', data)
    if (!/requests/.test(explained) || !/target/i.test(explained)) throw new Error(explained)
  })
  await step('after it there are as many as before', () =>
    until(150, async () => {
      const { instances, deployments } = await web()
      return instances.wanted === 2 && instances.running === 2 && !deployments ? true : undefined
    }),
  )
  await step('a stateful app that asks to be scaled is refused, and says so', async () => {
    const { scaling } = await get('/api/scaling')
    const last = scaling.find(({ service }) => service === '/shop/db')?.last
    if (last?.reason !== 'resident') throw new Error(JSON.stringify(last))
  })

  await step('an instance takes more memory than it may', () =>
    fault('oom', '--service', 'payments'),
  )
  const death = await step(
    'one mail tells of it within 30 s, with exit code, limit, version and last lines',
    async () => {
      const mail = await mailAbout('FIRING', 'OutOfMemory', '/shop/payments')
      checkDeath(mail)
      const [change] = await changes('service=/shop/payments&kind=task&query=oom:true')
      const seconds = (mail.receivedAt - isoToMs(change?.['@timestamp'] ?? '')) / 1000
      if (!(seconds < 30)) throw new Error(`it came ${seconds} s after the death`)
      return mail
    },
  )
  if (death) {
    await step('it is one event: died, out of memory, its last lines with it', async () => {
      const found = await changes('service=/shop/payments&kind=task&query=oom:true')
      const lines = found[0]?.['task.last_lines']
      if (found.length !== 1 || !Array.isArray(lines) || lines.length === 0)
        throw new Error(JSON.stringify(found))
    })
    await step('mesoscope task why tells the same, with all of its last lines', async () => {
      const [change] = await changes('service=/shop/payments&kind=task&query=oom:true')
      const task = String(change?.['mesos.task.id'])
      const told = await mesoscope('task', 'why', task, '--json', '--data', data)
      const { signal, outOfMemory, memoryLimit, lines, identity } = JSON.parse(told) as PostMortem
      const { hits } = await get('/api/logs', `?task=${encodeURIComponent(task)}&limit=100`)
      const whole = lines.length >= Math.min(100, hits.length) && lines.length > 0
      if (signal !== 'SIGKILL' || !outOfMemory || !memoryLimit || !identity.version || !whole)
        throw new Error(told.slice(0, 2000))
    })
  }

  const before = (await mails()).filter(({ subject }) => subject.startsWith('[FIRING]')).length
  const since = wallClock.now()
  const { version: old } = await web()
  await step('a rolling deployment', () => fault('deploy'))
  await step('it succeeds: another version, as many instances', () =>
    until(90, async () => {
      const query = `service=/shop/web&kind=deployment&query=action:succeeded&from=${since}`
      const { deployments, instances, version } = await web()
      const over = (await changes(query)).length > 0 && !deployments
      return over && version !== old && instances.healthy === 2 ? true : undefined
    }),
  )
  await step('and nobody was paged for it', async () => {
    const after = (await mails()).filter(({ subject }) => subject.startsWith('[FIRING]'))
    if (after.length > before) throw new Error(after[0]?.subject)
  })
  await step('each mail came once', async () => {
    const { mails } = await get('/api/mails')
    const ids = mails.map(({ messageId }) => messageId)
    if (new Set(ids).size !== ids.length) throw new Error('a mail came twice')
  })
  await step('nothing is missing and nothing became a dead letter', async () => {
    const { gaps, told } = await get('/api/gaps')
    const { dead } = await get('/api/dead')
    const losses = [...gaps, ...told, ...dead]
    if (losses.length > 0) throw new Error(JSON.stringify(losses.slice(0, 3)))
  })
  await step('it stops when asked to', async () => {
    demo.kill('SIGTERM')
    const [code] = (await once(demo, 'exit', { signal: AbortSignal.timeout(15_000) })) as [
      number | null,
    ]
    if (code !== 0) throw new Error(`exit code ${code}`)
  })
} finally {
  demo.kill('SIGKILL')
  rmSync(data, { recursive: true, force: true, maxRetries: 3 })
}
process.stdout.write(failed === 0 ? 'smoke: all steps worked\n' : `smoke: ${failed} steps failed\n`)
process.exitCode = failed === 0 ? 0 : 1

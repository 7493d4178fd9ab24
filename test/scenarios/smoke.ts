import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Answers, MailView } from '../../dashboards/api.ts'
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

const mailAbout = (state: string) =>
  until(60, async () =>
    (await get('/api/mails')).mails.find(
      ({ subject }) =>
        subject.includes(`[${state}]`) &&
        subject.includes('HighErrorRate') &&
        subject.includes('/shop/web'),
    ),
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

try {
  await step('it answers and says that it is healthy', () =>
    until(30, async () => {
      const response = await fetch(`${address()}/healthz`)
      return response.ok && ((await response.json()) as { status: string }).status === 'green'
        ? true
        : undefined
    }),
  )
  await step('every sample service is searchable', () =>
    until(30, async () => {
      const { services } = await get('/api/services')
      const names = services.map(({ service }) => service)
      const wanted = ['/shop/web', '/shop/worker', '/shop/payments', '/batch/report']
      return wanted.every((name) => names.includes(name)) ? true : undefined
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
  await step('mesoscope demo fault errors', () =>
    mesoscope('demo', '--data', data, 'fault', 'errors'),
  )
  const firing = await step('one alert mail has come', () => mailAbout('FIRING'))
  if (firing) await step('its link shows the lines it is about', () => linesBehind(firing))
  await step('mesoscope demo fault calm', () => mesoscope('demo', '--data', data, 'fault', 'calm'))
  await step('one resolved mail has come', () => mailAbout('RESOLVED'))
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

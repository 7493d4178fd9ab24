import { createHash } from 'node:crypto'
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads'
import { openScene, untilQuiet } from './program.ts'

/*
 * One container that writes as fast as it can, beside some that write a line now and then: how late theirs are found, and whether
 * all that is not kept of the loud one is counted.
 *
 *   npm run loud -- --seconds 30 --rate 100000 --limit 20000
 */
interface Loud {
  file: string
  rate: number
  seconds: number
}

const quietServices = 5

if (isMainThread) await main()
else await writeLoud(workerData as Loud)

/** In a thread of its own, as Docker's json-file driver writes them: so many a second, in pieces of ten milliseconds. */
async function writeLoud({ file, rate, seconds }: Loud): Promise<void> {
  const begun = performance.now()
  let written = 0
  while (performance.now() - begun < seconds * 1000) {
    const due = Math.floor(((performance.now() - begun) / 1000) * rate)
    const lines: string[] = []
    const ms = Date.now()
    while (written < due && lines.length < 5000)
      lines.push(record(`loud ${written++}`, ms, written))
    appendFileSync(file, lines.join(''))
    await sleep(10)
  }
  parentPort?.postMessage(written)
}

function record(text: string, ms: number, number: number): string {
  const time = `${new Date(ms).toISOString().slice(0, -1)}${String(number % 1_000_000).padStart(6, '0')}Z`
  return `{"log":"${text}\\n","stream":"stdout","time":"${time}"}\n`
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '30' },
      rate: { type: 'string', default: '100000' },
      limit: { type: 'string', default: '20000' },
    },
  })
  const [seconds, rate] = [Number(values.seconds), Number(values.rate)]
  const undos: (() => Promise<void>)[] = []
  const scene = openScene({ teardown: (undo) => void undos.push(undo) })
  try {
    const root = join(scene.dir, 'containers')
    const loud = makeContainer(root, '/loud', { 'mesoscope.lines_per_second': values.limit })
    const quiet = Array.from({ length: quietServices }, (_, n) =>
      makeContainer(root, `/quiet/${n}`),
    )
    const program = await scene.start({
      collectors: { docker: [{ root }], canary: { enabled: false } },
    })
    const writer = new Worker(new URL(import.meta.url), {
      workerData: { file: loud, rate, seconds } satisfies Loud,
    })
    let written: number | undefined
    writer.once('message', (count: number) => (written = count))
    const late: number[] = []
    for (let n = 0; written === undefined; n++) {
      const at = n % quietServices
      const ms = Date.now()
      appendFileSync(quiet[at] as string, record(`quiet ${n}`, ms, n))
      for (;;) {
        const { hits } = await program
          .get('/api/logs', { service: `/quiet/${at}`, limit: '1' })
          // One that has not written yet is not known.
          .catch(() => ({ hits: [] }))
        if (hits[0]?.message === `quiet ${n}`) break
        await sleep(20)
      }
      late.push((Date.now() - ms) / 1000)
    }
    const kept = (await untilQuiet(program, 2000)) - late.length
    const dropped = await program.metric('dropped_lines_total', { cause: 'limit' })
    const { told } = await program.get('/api/gaps', { service: '/loud' })
    const toldLines = told.reduce((sum, change) => sum + Number(change['gap.lines'] ?? 0), 0)
    const health = await program.health()
    const verdict = {
      written,
      rate: Math.round(written / seconds),
      kept,
      dropped,
      toldLines,
      uncounted: written - kept - toldLines,
      quietLines: late.length,
      quietLateSeconds: {
        median: late.toSorted((a, b) => a - b)[Math.floor(late.length / 2)],
        most: Math.max(...late),
      },
      told: health.components.find(({ name }) => name === 'limit')?.trouble,
    }
    process.stdout.write(`${JSON.stringify(verdict, null, 2)}\n`)
    const { uncounted, quietLateSeconds } = verdict
    if (uncounted !== 0 || quietLateSeconds.most >= 5 || late.length < 5) process.exitCode = 1
  } finally {
    for (const undo of undos) await undo()
  }
}

/** Its log file. */
function makeContainer(root: string, service: string, labels: Record<string, string> = {}): string {
  const id = createHash('sha256').update(service).digest('hex')
  mkdirSync(join(root, id), { recursive: true })
  const config = {
    ID: id,
    Name: service.replaceAll('/', '-').slice(1),
    Config: { Image: 'loud:1', Labels: { 'mesoscope.service': service, ...labels } },
  }
  writeFileSync(join(root, id, 'config.v2.json'), JSON.stringify(config))
  const file = join(root, id, `${id}-json.log`)
  writeFileSync(file, '')
  return file
}

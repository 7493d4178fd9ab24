import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import http from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { openSqliteStoreForReading } from '../../pipeline/store/sqlite.ts'
import { openScene, untilQuiet } from './program.ts'

/*
 * Containers that print twenty lines and are gone, removed by the daemon itself as they end, on a real Docker: every line has to be
 * in the store, or the container's gap be named.
 *
 *   npm run short-lived -- --containers 1000
 *
 * As root, with Docker (`sh test/servers/docker.sh install`), or with the socket of a daemon in MESOSCOPE_TEST_DOCKER_SOCKET.
 */
const { values } = parseArgs({
  options: {
    containers: { type: 'string', default: '1000' },
    atOnce: { type: 'string', default: '8' },
  },
})
const containers = Number(values.containers)
const linesEach = 20
const say = (line: string) => void process.stdout.write(`${line}\n`)

const given = process.env['MESOSCOPE_TEST_DOCKER_SOCKET']
const script = fileURLToPath(new URL('../servers/docker.sh', import.meta.url))
const home = mkdtempSync(join(tmpdir(), 'mesoscope-dockerd-'))
const socket = given ?? join(home, 'docker.sock')
const undos: (() => Promise<void>)[] = []

function ask<Answer>(method: string, path: string, body?: object): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json' }
    const request = http.request({ socketPath: socket, method, path, headers }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (part: string) => (text += part))
      response.on('end', () => {
        if ((response.statusCode ?? 500) >= 300) return reject(new Error(`${path}: ${text}`))
        resolve((text === '' ? {} : JSON.parse(text)) as Answer)
      })
    })
    request.on('error', reject)
    request.end(body && JSON.stringify(body))
  })
}

/** Its id, once it was started; by then it may be gone. */
async function runOne(n: number): Promise<string> {
  const print = `i=0; while [ $i -lt ${linesEach} ]; do echo "container ${n} line $i"; i=$((i+1)); done`
  const { Id } = await ask<{ Id: string }>('POST', `/containers/create?name=short-${n}`, {
    Image: 'mesoscope/busybox',
    Cmd: ['sh', '-c', print],
    HostConfig: { AutoRemove: true, NetworkMode: 'none' },
    Labels: { 'mesoscope.service': '/short-lived' },
  })
  await ask('POST', `/containers/${Id}/start`)
  return Id
}

async function runAll(): Promise<string[]> {
  const ids: string[] = []
  let next = 0
  const worker = async () => {
    while (next < containers) ids.push(await runOne(next++))
  }
  await Promise.all(Array.from({ length: Number(values.atOnce) }, worker))
  return ids
}

interface Verdict {
  containers: number
  lines: number
  complete: number
  /** Containers of which lines are missing, each named by a gap. */
  told: number
  /** Of which lines are missing and nothing says so. */
  untold: string[]
  duplicated: number
  unresolved: number
}

async function judge(data: string, ids: readonly string[]): Promise<Verdict> {
  const reader = openSqliteStoreForReading({ dir: join(data, 'store') })
  try {
    const found = new Map<string, Set<string>>()
    let lines = 0
    let duplicated = 0
    let unresolved = 0
    for (let cursor: string | undefined; ;) {
      const page = await reader.search({ limit: 10_000, ...(cursor ? { cursor } : {}) })
      for (const doc of page.hits) {
        const id = doc['container.id']
        if (typeof id !== 'string' || !/^container \d+ line/.test(doc.message)) continue
        const of = found.get(id) ?? new Set()
        found.set(id, of)
        if (of.has(doc.message)) duplicated++
        of.add(doc.message)
        lines++
        if (doc['service.name'] !== '/short-lived') unresolved++
      }
      cursor = page.next
      if (cursor === undefined) break
    }
    const gaps = await reader.docs('changes', { kind: 'gap', limit: 100_000 })
    const named = new Set(gaps.map((gap) => gap['container.id']))
    const missing = ids.filter((id) => (found.get(id)?.size ?? 0) < linesEach)
    return {
      containers: ids.length,
      lines,
      complete: ids.length - missing.length,
      told: missing.filter((id) => named.has(id)).length,
      untold: missing.filter((id) => !named.has(id)),
      duplicated,
      unresolved,
    }
  } finally {
    await reader.close()
  }
}

try {
  if (given === undefined) execFileSync('sh', [script, 'start', socket], { stdio: 'inherit' })
  const scene = openScene({ teardown: (undo) => void undos.push(undo) })
  const program = await scene.start({
    collectors: { docker: [{ socket, stats: false }], canary: { enabled: false } },
  })
  say(
    `${containers} containers of ${linesEach} lines, ${values.atOnce} at once, removed as they end`,
  )
  const begun = performance.now()
  const ids = await runAll()
  const seconds = (performance.now() - begun) / 1000
  // Whatever is still to come is there by then: the collector forgets a container that is gone after it was read to its end.
  await untilQuiet(program, 3000)
  await program.stop()
  const verdict = await judge(program.data, ids)
  const shown = { ...verdict, untold: verdict.untold.length, some: verdict.untold.slice(0, 5) }
  say(JSON.stringify({ seconds: Math.round(seconds), ...shown }, null, 2))
  const { lines, untold, duplicated, unresolved } = verdict
  if (untold.length + duplicated + unresolved > 0 || lines === 0) process.exitCode = 1
} finally {
  for (const undo of undos) await undo()
  if (given === undefined) execFileSync('sh', [script, 'stop', socket])
  rmSync(home, { recursive: true, force: true })
}

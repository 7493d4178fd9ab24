import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { chown, copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pause, wallClock } from '../../pipeline/clock.ts'
import { installElasticsearch } from './elasticsearch-install.ts'
import { findJdk } from './java.ts'
import { openWatchdog } from './watchdog.ts'

/*
 * A real Elasticsearch for tests, on free ports of 127.0.0.1, with data of its own. What is started here ends with the
 * process, also if that is killed.
 */
export interface ElasticsearchServer {
  /** `http://127.0.0.1:…` */
  url: string
  /** Of the running server. */
  pid(): number | undefined
  /** Starts it again with the same data and ports, and waits until it answers. */
  start(): Promise<void>
  /** Asks it to end, and waits for that. */
  stop(): Promise<void>
  /** SIGKILL. */
  kill(): Promise<void>
  /** Stops it and removes its data. */
  close(): Promise<void>
}

export interface ElasticsearchOptions {
  heapMb?: number
  /** Java's first compiler only: starts in half the time, slower under load. On unless set otherwise. */
  quickStart?: boolean
}

const startMs = 240_000
/** `nobody`, as nearly everywhere. */
const nobody = 65534
const minJdk = 21

export async function startElasticsearch(
  options: ElasticsearchOptions = {},
): Promise<ElasticsearchServer> {
  const jdk = findJdk(minJdk)
  const home = await installElasticsearch(jdk)
  const dir = await mkdtemp(join(tmpdir(), 'mesoscope-elasticsearch-'))
  const watchdog = openWatchdog(dir)
  const [port, transport] = [await freePort(), await freePort()]
  const node = { jdk, home, dir, port, url: `http://127.0.0.1:${port}` }
  const pid = () => runningPid(dir)

  async function end(signal: NodeJS.Signals): Promise<void> {
    const id = pid()
    if (id === undefined) return
    process.kill(id, signal)
    await until('the end of Elasticsearch', 60_000, () => !isRunning(id, dir))
  }

  const server: ElasticsearchServer = {
    url: node.url,
    pid,
    async start() {
      await rm(join(dir, 'es.pid'), { force: true })
      await launch(node, options)
    },
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
    close: () => watchdog.end(),
  }
  try {
    await configure(node, transport)
    await server.start()
  } catch (error) {
    await server.close()
    throw error
  }
  return server
}

interface Node {
  jdk: string
  home: string
  dir: string
  port: number
  url: string
}

async function configure({ home, dir, port }: Node, transport: number): Promise<void> {
  for (const part of ['config', 'data', 'logs', 'tmp']) await mkdir(join(dir, part))
  const config = {
    'cluster.name': 'mesoscope-test',
    'node.name': 'n1',
    'path.data': join(dir, 'data'),
    'path.logs': join(dir, 'logs'),
    'network.host': '127.0.0.1',
    'http.port': port,
    'transport.port': transport,
    'discovery.type': 'single-node',
    'xpack.security.enabled': false,
    // A test must not depend on how full the disk of the machine is.
    'cluster.routing.allocation.disk.threshold_enabled': false,
    'cluster.max_shards_per_node': 3000,
  }
  const lines = Object.entries(config).map(([name, value]) => `${name}: ${value}\n`)
  await writeFile(join(dir, 'config', 'elasticsearch.yml'), lines.join(''))
  await copyFile(
    join(home, 'config', 'log4j2.properties'),
    join(dir, 'config', 'log4j2.properties'),
  )
  const jvm = await readFile(join(home, 'config', 'jvm.options'), 'utf8')
  await writeFile(join(dir, 'config', 'jvm.options'), jvm.replaceAll(/^-Xlog:gc.*$/gm, ''))
  if (process.getuid?.() !== 0) return
  for (const part of ['', 'config', 'data', 'logs', 'tmp']) {
    await chown(join(dir, part), nobody, nobody)
  }
  for (const file of ['elasticsearch.yml', 'log4j2.properties', 'jvm.options']) {
    await chown(join(dir, 'config', file), nobody, nobody)
  }
}

/** The launcher ends, with 0, once the node is up; it is what `bin/elasticsearch` runs. */
async function launch(node: Node, { heapMb = 512, quickStart = true }: ElasticsearchOptions) {
  const { jdk, home, dir, url } = node
  const java = join(jdk, 'bin', 'java')
  const command = [
    // Elasticsearch refuses to run as root.
    ...(process.getuid?.() === 0
      ? ['setpriv', `--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups']
      : []),
    java,
    '-Xms4m',
    '-Xmx64m',
    '-XX:+UseSerialGC',
    '-cp',
    join(home, 'lib', 'tools', 'server-launcher', '*'),
    'org.elasticsearch.server.launcher.ServerLauncher',
    '-d',
    '-p',
    join(dir, 'es.pid'),
  ]
  const heap = `-Xms${heapMb}m -Xmx${heapMb}m${quickStart ? ' -XX:TieredStopAtLevel=1' : ''}`
  const child = spawn(command[0] as string, command.slice(1), {
    cwd: home,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env['PATH'],
      HOME: join(dir, 'tmp'),
      HOSTNAME: 'localhost',
      ES_HOME: home,
      ES_PATH_CONF: join(dir, 'config'),
      ES_TMPDIR: join(dir, 'tmp'),
      ES_DISTRIBUTION_TYPE: 'zip',
      ES_JAVA_HOME: jdk,
      JAVA: java,
      JAVA_TYPE: 'ES_JAVA_HOME',
      ES_JAVA_OPTS: heap,
    },
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => (said = (said + chunk.toString()).slice(-4000)))
  }
  let outcome: string | number | null | undefined
  child.on('error', (error) => (outcome = error.message))
  // `close` would wait for the output, which the server inherits.
  child.on('exit', (code, signal) => (outcome ??= code ?? signal))
  await until('Elasticsearch to start', startMs, async () => {
    if (outcome !== undefined && outcome !== 0) {
      throw new Error(`Elasticsearch did not start (${outcome}): ${said}${logOf(dir)}`)
    }
    return outcome === 0 && (await answers(url))
  })
  child.stdout.destroy()
  child.stderr.destroy()
}

function logOf(dir: string): string {
  const file = join(dir, 'logs', 'mesoscope-test.log')
  return existsSync(file) ? readFileSync(file, 'utf8').slice(-3000) : ''
}

async function answers(url: string): Promise<boolean> {
  try {
    const answer = await fetch(`${url}/_cluster/health`, { signal: AbortSignal.timeout(5000) })
    const health = (await answer.json()) as { status?: string }
    return answer.ok && health.status !== 'red'
  } catch {
    return false
  }
}

function runningPid(dir: string): number | undefined {
  const file = join(dir, 'es.pid')
  if (!existsSync(file)) return undefined
  const pid = Number(readFileSync(file, 'utf8').trim())
  return pid > 0 && isRunning(pid, dir) ? pid : undefined
}

/** A process that has ended and was not waited for yet has no arguments. */
function isRunning(pid: number, dir: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(dir)
  } catch {
    return false
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

async function until(what: string, patienceMs: number, check: () => boolean | Promise<boolean>) {
  const deadline = wallClock.now() + patienceMs
  while (!(await check())) {
    if (wallClock.now() > deadline) throw new Error(`waited ${patienceMs} ms for ${what}`)
    await pause(100)
  }
}

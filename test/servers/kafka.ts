import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { connect, createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { pause, wallClock } from '../../pipeline/clock.ts'
import { cacheFolder } from './elasticsearch-install.ts'
import { findJava } from './java.ts'
import { openWatchdog } from './watchdog.ts'

const run = promisify(execFile)

/*
 * Real Apache Kafka for tests: brokers (KRaft, each also a controller) on free ports of 127.0.0.1, with data of their
 * own. What is started here ends with the process, also if that is killed.
 */
export interface KafkaServers {
  /** `127.0.0.1:…` of each broker. */
  brokers: string[]
  /** SIGKILL; resolves when it is gone. */
  kill(broker: number): Promise<void>
  /** Asks it to end, and waits for that. */
  stop(broker: number): Promise<void>
  /** Starts it again with the same data and ports, unless it runs, and waits until it answers. */
  start(broker: number): Promise<void>
  /** SIGSTOP and SIGCONT: it is there and says nothing. */
  freeze(broker: number): void
  thaw(broker: number): void
  /** Of those that run. */
  pids(): number[]
  /** Ends all and removes their data. */
  close(): Promise<void>
}

export interface KafkaOptions {
  /** 1 or 3. */
  count?: number
  heapMb?: number
  /** More lines for `server.properties`, and the protocol of the listener for clients; PLAINTEXT unless set. */
  more?: Record<string, string>
  protocol?: string
  /** As `SCRAM-SHA-256=[name=alice,password=secret]`. */
  scram?: string[]
}

export const kafkaVersion = '4.3.1'
const startMs = 120_000
const clusterId = 'bWVzb3Njb3BlLXRlc3QtMDE'

export async function startKafka(options: KafkaOptions = {}): Promise<KafkaServers> {
  const { count = 1 } = options
  const java = findJava(17)
  const libs = await installKafka()
  const dir = await mkdtemp(join(tmpdir(), 'mesoscope-kafka-'))
  const watchdog = openWatchdog(dir)
  const ports = await freePorts(count * 3)
  const nodes = Array.from({ length: count }, (_, i) => ({
    id: i + 1,
    dir: join(dir, `node${i + 1}`),
    port: ports[i] as number,
    controller: ports[count + i] as number,
    inner: ports[2 * count + i] as number,
    process: undefined as ChildProcess | undefined,
  }))
  const nodeOf = (broker: number) => nodes[broker] as Node
  const world = { java, libs, nodes, options }

  async function end(broker: number, signal: NodeJS.Signals): Promise<void> {
    const { process: child } = nodeOf(broker)
    if (!child || !isRunning(nodeOf(broker))) return
    child.ref()
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
    child.kill(signal)
    await gone
  }

  const servers: KafkaServers = {
    brokers: nodes.map(({ port }) => `127.0.0.1:${port}`),
    kill: (broker) => end(broker, 'SIGKILL'),
    stop: (broker) => end(broker, 'SIGTERM'),
    async start(broker) {
      if (!isRunning(nodeOf(broker))) launch(world, nodeOf(broker))
      await answering(nodeOf(broker), 1)
    },
    freeze: (broker) => void nodeOf(broker).process?.kill('SIGSTOP'),
    thaw: (broker) => void nodeOf(broker).process?.kill('SIGCONT'),
    pids: () => nodes.flatMap((node) => node.process?.pid ?? []),
    close: () => watchdog.end(),
  }
  try {
    await Promise.all(nodes.map((node) => configure(world, node)))
    for (const node of nodes) launch(world, node)
    await Promise.all(nodes.map((node) => answering(node, count)))
  } catch (error) {
    await servers.close()
    throw error
  }
  return servers
}

interface Node {
  id: number
  dir: string
  port: number
  controller: number
  /** Among brokers, and to see whether it answers: never secured. */
  inner: number
  process: ChildProcess | undefined
}

function isRunning({ process: child }: Node): boolean {
  return child !== undefined && child.exitCode === null && child.signalCode === null
}

interface World {
  java: string
  libs: string
  nodes: Node[]
  options: KafkaOptions
}

async function configure({ java, libs, nodes, options }: World, node: Node): Promise<void> {
  const { id, dir, port, controller, inner } = node
  await mkdir(dir)
  const copies = nodes.length >= 3 ? '3' : '1'
  const enough = nodes.length >= 3 ? '2' : '1'
  const protocol = options.protocol ?? 'PLAINTEXT'
  const properties = {
    'process.roles': 'broker,controller',
    'node.id': id,
    'controller.quorum.voters': nodes.map((n) => `${n.id}@127.0.0.1:${n.controller}`).join(','),
    listeners: `CLIENTS://127.0.0.1:${port},INNER://127.0.0.1:${inner},CONTROLLER://127.0.0.1:${controller}`,
    'advertised.listeners': `CLIENTS://127.0.0.1:${port},INNER://127.0.0.1:${inner}`,
    'listener.security.protocol.map': `CLIENTS:${protocol},INNER:PLAINTEXT,CONTROLLER:PLAINTEXT`,
    'inter.broker.listener.name': 'INNER',
    'controller.listener.names': 'CONTROLLER',
    'log.dirs': join(dir, 'log'),
    'auto.create.topics.enable': false,
    'default.replication.factor': copies,
    'min.insync.replicas': enough,
    'offsets.topic.num.partitions': 4,
    'offsets.topic.replication.factor': copies,
    'transaction.state.log.num.partitions': 4,
    'transaction.state.log.replication.factor': copies,
    'transaction.state.log.min.isr': enough,
    'group.initial.rebalance.delay.ms': 0,
    ...options.more,
  }
  const lines = Object.entries(properties).map(([name, value]) => `${name}=${value}\n`)
  await writeFile(join(dir, 'server.properties'), lines.join(''))
  await writeFile(
    join(dir, 'log4j2.properties'),
    [
      'rootLogger.level=warn',
      'rootLogger.appenderRef.c.ref=c',
      'appender.c.type=Console',
      'appender.c.name=c',
      'appender.c.layout.type=PatternLayout',
      'appender.c.layout.pattern=[%d] %p %m (%c)%n',
      '',
    ].join('\n'),
  )
  await run(java, [
    '-Xmx128m',
    '-XX:TieredStopAtLevel=1',
    '-cp',
    join(libs, '*'),
    'kafka.tools.StorageTool',
    'format',
    '-t',
    clusterId,
    '-c',
    join(dir, 'server.properties'),
    ...(options.scram ?? []).flatMap((user) => ['--add-scram', user]),
  ])
}

function launch({ java, libs, options }: World, node: Node): void {
  const { dir } = node
  const log = openSync(join(dir, 'server.log'), 'a')
  const heap = options.heapMb ?? 320
  node.process = spawn(
    java,
    [
      `-Xms128m`,
      `-Xmx${heap}m`,
      '-XX:TieredStopAtLevel=1',
      '-XX:+UseSerialGC',
      '-Djava.awt.headless=true',
      `-Dlog4j2.configurationFile=${dir}/log4j2.properties`,
      '-cp',
      join(libs, '*'),
      'kafka.Kafka',
      join(dir, 'server.properties'),
    ],
    { stdio: ['ignore', log, log] },
  )
  node.process.unref()
  closeSync(log)
}

/** Waits until the broker knows of `count` brokers. */
async function answering(node: Node, count: number): Promise<void> {
  const deadline = wallClock.now() + startMs
  while ((await brokersSeen(node.inner)) < count) {
    const { process: child } = node
    if ((child && child.exitCode !== null) || wallClock.now() > deadline) {
      const file = join(node.dir, 'server.log')
      const said = existsSync(file) ? readFileSync(file, 'utf8').slice(-3000) : ''
      throw new Error(`Kafka did not start within ${startMs} ms: ${said}`)
    }
    await pause(100)
  }
}

/** How many brokers its answer to a Metadata request (version 4, no topics) lists; 0 without an answer. */
function brokersSeen(port: number): Promise<number> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    let read = Buffer.alloc(0)
    const end = (count: number) => {
      socket.destroy()
      resolve(count)
    }
    socket.setTimeout(2000, () => end(0))
    socket.on('error', () => end(0))
    socket.on('close', () => resolve(0))
    socket.on('connect', () => {
      const request = Buffer.alloc(19)
      request.writeInt32BE(15, 0)
      request.writeInt16BE(3, 4)
      request.writeInt16BE(4, 6)
      request.writeInt32BE(1, 8)
      request.writeInt16BE(-1, 12)
      socket.write(request)
    })
    socket.on('data', (chunk: Buffer) => {
      read = Buffer.concat([read, chunk])
      if (read.length >= 16) end(read.readInt32BE(12))
    })
  })
}

async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer()
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      return server
    }),
  )
  const ports = servers.map((server) => (server.address() as AddressInfo).port)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

/** The folder of its jars, downloaded if they are not there yet (66 MiB). */
export async function installKafka(): Promise<string> {
  const libs = join(cacheFolder(), `kafka-${kafkaVersion}`)
  if (existsSync(libs)) return libs
  const stage = join(cacheFolder(), `.kafka-${process.pid}`)
  await mkdir(stage, { recursive: true })
  try {
    process.stderr.write(`kafka: downloading ${kafkaVersion} (66 MiB) from Maven Central\n`)
    await writeFile(join(stage, 'pom.xml'), pom)
    const plugin = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies'
    await run('mvn', [
      '-B',
      '-ntp',
      '-q',
      '-f',
      join(stage, 'pom.xml'),
      plugin,
      '-DincludeScope=runtime',
      `-DoutputDirectory=${join(stage, 'libs')}`,
    ]).catch((error: unknown) => {
      throw noMaven(error)
    })
    if ((await readdir(join(stage, 'libs'))).length === 0) throw new Error('Maven copied nothing')
    await rename(join(stage, 'libs'), libs).catch((error: unknown) => {
      // Another process was quicker.
      if (!existsSync(libs)) throw error
    })
  } finally {
    await rm(stage, { recursive: true, force: true })
  }
  return libs
}

function noMaven(error: unknown): unknown {
  if ((error as { code?: unknown }).code !== 'ENOENT') return error
  return new Error('Kafka is downloaded by Maven, which is not here: apt-get install maven', {
    cause: error,
  })
}

const dependency = (group: string, artifact: string, version: string) =>
  `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version></dependency>`

const pom = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>mesoscope</groupId><artifactId>kafka-for-tests</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    ${dependency('org.apache.kafka', 'kafka_2.13', kafkaVersion)}
    ${dependency('org.apache.logging.log4j', 'log4j-slf4j-impl', '2.25.4')}
  </dependencies>
</project>
`

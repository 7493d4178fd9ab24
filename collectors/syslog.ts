import { createSocket, type Socket as UdpSocket } from 'node:dgram'
import { createServer, isIPv6, type AddressInfo, type Server, type Socket } from 'node:net'
import { createSecureContext, createServer as createSecureServer, type TlsOptions } from 'node:tls'
import { pause, type Clock } from '../pipeline/clock.ts'
import { errorCode, explain, Trouble } from '../pipeline/errors.ts'
import { msToIso, type ChangeDoc } from '../pipeline/event.ts'
import { readPem } from '../pipeline/http-connection.ts'
import type { Logger } from '../pipeline/log.ts'
import type { Metrics } from '../pipeline/metrics.ts'
import { openAppender } from './appender.ts'
import type { EventOptions } from './docker-streams.ts'
import type { Collected, Collector, Sink } from './sink.ts'
import { openSyslogFrames } from './syslog-frames.ts'
import { openSyslogSources } from './syslog-sources.ts'
import { udpDrops } from './udp-drops.ts'

export interface SyslogCollectorOptions extends EventOptions {
  /** Part of the keys of its positions: must not change between starts. */
  name: string
  host: string
  /** 0 takes a free one. */
  port: number
  protocols: readonly ('tcp' | 'udp')[]
  /** Paths of PEM files: with both TCP is TLS (RFC 5425). */
  cert?: string | undefined
  key?: string | undefined
  /** Senders have to show a certificate that one of these signed. */
  ca?: string | undefined
  /** The service of all that comes. */
  service: string
  /** How long it is kept: the name of a retention class. */
  retention?: string | undefined
  cluster?: string | undefined
  sink: Sink
  clock: Clock
  metrics: Metrics
  log: Logger
}

const flushMs = 100
/** How often the kernel's table is read. */
const lookMs = 1000
/** TCP senders wait while so much has come that is not on disk; datagrams are dropped, which is told. */
const mostWaitingBytes = 8 * 2 ** 20
const retryMs = 5000
const refusedEveryMs = 60_000
/** Larger ones come in pieces; above `max_event_bytes` they are cut to chunks as any line is. */
const mostMessageBytes = 2 ** 20
const receiveBufferBytes = 8 * 2 ** 20

/**
 * Takes syslog messages (RFC 5424 and 3164) over TCP (RFC 6587: by length or newline) and UDP (a message a datagram). Syslog has no
 * acknowledgement: what a sender has given to the network when this process is killed is lost. While the spool is full TCP senders are
 * held up; what cannot be taken of UDP is counted and told. A port that cannot be opened is tried again, and told by `trouble()`. Rejects with a
 * Trouble for a certificate or key that cannot be used.
 */
export async function openSyslogCollector(options: SyslogCollectorOptions): Promise<
  Collector & {
    /** Of TCP and UDP, once they are open. */
    ports(): { tcp?: number; udp?: number }
  }
> {
  const { name, host, protocols, sink, clock, metrics, log, service } = options
  const sources = openSyslogSources(options)
  const appender = openAppender({ name, sink, log })
  const stopping = new AbortController()
  const connections = new Set<Socket>()
  const troubles = new Map<'tcp' | 'udp', string>()
  const ports: { tcp?: number; udp?: number } = {}
  let servers: (Server | UdpSocket)[] = []
  let waitingBytes = 0
  let throughMs = 0
  /** Datagrams that were not taken, and since when. */
  let refused = 0
  let kernelDrops: number | undefined
  let lookedMs = 0
  let refusedMs = -Infinity
  const secure = secureContext(options)

  function take(message: Buffer, peer: string): void {
    waitingBytes += message.length
    sources.push(message, peer, clock.now())
    metrics.collected_bytes_total.inc({ collector: name }, message.length)
    if (waitingBytes > mostWaitingBytes) for (const one of connections) one.pause()
  }

  function onConnection(socket: Socket): void {
    const peer = plainAddress(socket.remoteAddress)
    const frames = openSyslogFrames(Math.max(options.maxEventBytes, mostMessageBytes))
    connections.add(socket)
    socket.on('data', (chunk: Buffer) => {
      for (const message of frames.push(chunk)) take(message, peer)
    })
    // A sender that breaks off: what came of its last message is kept.
    socket.on('error', () => {})
    socket.on('close', () => {
      connections.delete(socket)
      const rest = frames.rest()
      if (rest) take(rest, peer)
    })
    if (waitingBytes > mostWaitingBytes) socket.pause()
  }

  function openTcp(port: number): Promise<Server> {
    const server = secure ? createSecureServer(secure, onConnection) : createServer(onConnection)
    if (secure) server.on('tlsClientError', (error: Error) => refuseSender(error))
    return listening(server, () => server.listen({ host, port }))
  }

  /** Who scans ports must not fill the log. */
  function refuseSender(error: Error): void {
    const nowMs = clock.now()
    if (nowMs - refusedMs < refusedEveryMs) return
    refusedMs = nowMs
    log.warn({ trouble: error.message, collector: name }, 'a sender of syslog was refused')
  }

  async function openUdp(port: number): Promise<UdpSocket> {
    const socket = createSocket({ type: isIPv6(host) ? 'udp6' : 'udp4' })
    socket.on('message', (datagram, { address }) => {
      if (waitingBytes > mostWaitingBytes) refused++
      else take(datagram, plainAddress(address))
    })
    await listening(socket, () => socket.bind({ address: host, port }))
    try {
      socket.setRecvBufferSize(receiveBufferBytes)
    } catch {
      // As large as this user may have it.
    }
    return socket
  }

  async function open(protocol: 'tcp' | 'udp'): Promise<void> {
    while (!stopping.signal.aborted) {
      try {
        const server = await (protocol === 'tcp' ? openTcp : openUdp)(options.port)
        servers.push(server)
        const { port } = server.address() as AddressInfo
        ports[protocol] = port
        if (protocol === 'udp') kernelDrops = udpDrops(port)
        troubles.delete(protocol)
        return
      } catch (error) {
        troubles.set(protocol, unopened(protocol, options, error))
        await pause(retryMs, stopping.signal)
      }
    }
  }

  async function flush(force: boolean): Promise<void> {
    const nowMs = clock.now()
    const collected = sources.take(nowMs, force) ?? {}
    const lost = lostBy(nowMs)
    const batch: Collected =
      lost > 0 ? { ...collected, changes: [dropChange(lost, { name, service }, nowMs)] } : collected
    // What is taken is with the spool, which holds up who reads as long as it is full.
    const bytes = waitingBytes
    if (!(await appender.append(batch))) return
    waitingBytes -= bytes
    count(batch, lost)
    throughMs = Math.max(throughMs, nowMs - lingering)
    if (waitingBytes <= mostWaitingBytes) for (const one of connections) one.resume()
  }

  function lostBy(nowMs: number): number {
    const isDue = ports.udp !== undefined && nowMs - lookedMs >= lookMs
    if (isDue) lookedMs = nowMs
    const now = isDue ? udpDrops(ports.udp as number) : undefined
    const byKernel = Math.max(0, (now ?? kernelDrops ?? 0) - (kernelDrops ?? 0))
    kernelDrops = now ?? kernelDrops
    const lost = refused + byKernel
    refused = 0
    return lost
  }

  function count({ records = [], dead = [] }: Collected, lost: number): void {
    const lines = records.reduce((sum, { head }) => sum + head.count, 0)
    if (lines > 0) metrics.collected_lines_total.inc({ collector: name }, lines)
    if (dead.length > 0) metrics.dead_letters_total.inc({ stage: 'collect' }, dead.length)
    if (lost > 0) metrics.dropped_lines_total.inc({ stage: 'collect', cause: 'udp' }, lost)
  }

  async function flushAlways(): Promise<void> {
    while (!stopping.signal.aborted) {
      await pause(flushMs, stopping.signal)
      await flush(false)
    }
  }

  const opening = protocols.map(open)
  // Most often at once: who asks `ports()` finds them.
  await Promise.race([Promise.all(opening), pause(1000)])
  const flushing = flushAlways()

  return {
    name,
    through: () => throughMs,
    trouble: () => troubles.values().next().value ?? appender.trouble(),
    ports: () => ({ ...ports }),
    async close() {
      stopping.abort()
      await Promise.all(opening)
      const closed = servers.map(
        (server) => new Promise<void>((done) => server.close(() => done())),
      )
      servers = []
      for (const socket of connections) socket.destroy()
      await Promise.all([...closed, flushing])
      await flush(true)
      await appender.close()
    },
  }
}

function secureContext({ cert, key, ca }: SyslogCollectorOptions): TlsOptions | undefined {
  if (cert === undefined || key === undefined) return undefined
  const pems = { cert: readPem(cert), key: readPem(key), ca: readPem(ca) }
  try {
    createSecureContext(pems)
  } catch (error) {
    throw new Trouble(`${cert} and ${key} cannot be used for syslog over TLS: ${explain(error)}`, {
      remedy: 'name a certificate and its own private key, both PEM',
    })
  }
  const asks = ca !== undefined
  return { ...pems, requestCert: asks, rejectUnauthorized: asks, minVersion: 'TLSv1.2' }
}

/** What has come waits so long for more of its record. */
const lingering = 300

function listening<S extends Server | UdpSocket>(server: S, listen: () => void): Promise<S> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.once('listening', () => {
      server.off('error', reject)
      server.on('error', () => {})
      resolve(server)
    })
    listen()
  })
}

/** IPv4 in IPv6 is IPv4. */
function plainAddress(address: string | undefined): string {
  return address?.replace(/^::ffff:/, '') ?? 'unknown'
}

function unopened(
  protocol: string,
  { host, port }: Pick<SyslogCollectorOptions, 'host' | 'port'>,
  error: unknown,
): string {
  const code = errorCode(error) ?? String(error)
  const remedy =
    code === 'EACCES'
      ? 'choose a port above 1023, or give this process CAP_NET_BIND_SERVICE'
      : 'stop what uses it, or choose another address (collectors.syslog)'
  return explain(
    new Trouble(`cannot take syslog at ${protocol}://${host}:${port} (${code})`, { remedy }),
  )
}

function dropChange(
  lost: number,
  { name, service }: { name: string; service: string },
  nowMs: number,
): ChangeDoc {
  return {
    '@timestamp': msToIso(nowMs),
    'event.id': `drop:${name}:${nowMs}`,
    'event.kind': 'drop',
    'event.action': 'dropped',
    message: `${lost} syslog datagrams were dropped before they could be read: senders over TCP wait instead`,
    'service.name': service,
  }
}

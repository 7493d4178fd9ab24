import { randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { errorCode, explain, Trouble } from '../../../pipeline/errors.ts'
import { openCipher, type EncryptionMethod } from './cipher.ts'
import {
  encodePacket,
  helloBytes,
  packetBytes,
  readHello,
  type CheckResult,
  type OutputBytes,
} from './packet.ts'

export interface NscaServer {
  host: string
  port: number
  encryption: EncryptionMethod
  password: string
  outputBytes: OutputBytes
}

export interface SendOptions {
  /** Longest time for all of it, ms. */
  timeoutMs: number
  /** Breaks it off. */
  signal: AbortSignal
}

/** How many results one connection may carry: a daemon of before 2.9 and one of today agree only on one short packet. */
export function resultsAtOnce({ outputBytes }: Pick<NscaServer, 'outputBytes'>): number {
  return outputBytes === 4096 ? 100 : 1
}

/**
 * Hands results to an NSCA daemon, in order, over one connection. Resolves when the daemon has read them all and hung
 * up; whether Nagios knows the service the protocol cannot tell. Rejects with a retryable Trouble.
 */
export async function sendResults(
  server: NscaServer,
  results: readonly CheckResult[],
  { timeoutMs, signal }: SendOptions,
): Promise<void> {
  const { host, port } = server
  const socket = connect({ host, port, noDelay: true, allowHalfOpen: true })
  const deadline = AbortSignal.any([AbortSignal.timeout(timeoutMs), signal])
  const breakOff = () => socket.destroy(new Error(signal.aborted ? 'broken off' : silence))
  const silence = `no answer within ${timeoutMs} ms`
  deadline.addEventListener('abort', breakOff, { once: true })
  if (deadline.aborted) breakOff()
  let greeted = false
  try {
    const hello = readHello(await readExactly(socket, helloBytes))
    greeted = true
    socket.end(parcelOf(server, results, hello))
    await hungUp(socket)
  } catch (error) {
    throw troubleOf(server, error, greeted)
  } finally {
    deadline.removeEventListener('abort', breakOff)
    socket.destroy()
  }
}

/**
 * All packets, and one byte more. A daemon that cannot read a packet closes the connection without a word, just as it
 * does at the end; but if it leaves something unread, TCP tells us (a reset). One that has read all packets reads the
 * byte as the beginning of another, finds the end and drops it silently. A packet of the old length, though, a newer
 * daemon knows only by the end after it: there the byte would spoil it.
 */
function parcelOf(
  server: NscaServer,
  results: readonly CheckResult[],
  hello: ReturnType<typeof readHello>,
) {
  const { encryption, password, outputBytes } = server
  const encrypt = openCipher(encryption, password, hello.iv)
  const size = packetBytes(outputBytes)
  const packets = results.map((result) =>
    encrypt(encodePacket(result, hello.timestamp, noise(size))),
  )
  return Buffer.concat(outputBytes === 4096 ? [...packets, noise(1)] : packets)
}

/** Looks like text, so that it hides where the text ends. */
function noise(size: number): Buffer {
  return Buffer.from(randomBytes(size).map((byte) => 0x30 + (byte % 72)))
}

function readExactly(socket: Socket, size: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let length = 0
    socket.on('data', (chunk: Buffer) => {
      // What comes after the beginning is nothing we know.
      if (length < size) chunks.push(chunk)
      length += chunk.length
      if (length >= size) resolve(Buffer.concat(chunks).subarray(0, size))
    })
    socket.once('error', reject)
    socket.once('end', () => reject(new Error('it hung up at once')))
  })
}

function hungUp(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('error', reject)
    socket.once('close', () => resolve())
  })
}

function troubleOf({ host, port }: NscaServer, error: unknown, greeted: boolean): Trouble {
  const where = `NSCA ${host}:${port}`
  if (greeted && errorCode(error) !== undefined) {
    const remedy =
      'compare password and encryption with password and decryption_method in its nsca.cfg'
    const message = `${where} broke off without reading all (${errorCode(error)})`
    return new Trouble(message, { remedy, retryable: true, cause: error })
  }
  return new Trouble(`${where}: ${explain(error)}`, { retryable: true, cause: error })
}

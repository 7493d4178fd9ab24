import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'

export interface SendNscaOptions {
  method: number
  password: string
  /** Packets of the length before nsca 2.9. */
  legacy?: boolean
  /** What the socket says first: an IV of 128 bytes and a time. */
  hello: Buffer
  /** What `send_nsca` reads: fields behind tabs, results behind 0x17. */
  input: string
}

export const sendNsca = '/usr/sbin/send_nsca'

/** All that Debian's real `send_nsca` sends to a socket of ours. */
export async function captureSendNsca(options: SendNscaOptions): Promise<Buffer> {
  const { method, password, legacy = false, hello, input } = options
  const dir = await mkdtemp(join(tmpdir(), 'mesoscope-send-nsca-'))
  const sent = Promise.withResolvers<Buffer>()
  const server = createServer((socket) => {
    socket.write(hello)
    buffer(socket).then(sent.resolve, sent.reject)
  })
  try {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const config = join(dir, 'send_nsca.cfg')
    const secret = password === '' ? '' : `password=${password}\n`
    await writeFile(config, `encryption_method=${method}\n${secret}`)
    const flags = ['-H', '127.0.0.1', '-p', String(port), '-c', config, '--quiet']
    const child = spawn(sendNsca, legacy ? [...flags, '--legacy-2-7-mode'] : flags)
    child.on('error', sent.reject)
    child.on('exit', (code) => {
      if (code !== 0) sent.reject(new Error(`send_nsca ended with ${code}`))
    })
    child.stdin.end(input)
    return await sent.promise
  } finally {
    server.close()
    await rm(dir, { recursive: true })
  }
}

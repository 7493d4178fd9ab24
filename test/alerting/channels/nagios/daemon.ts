import { createServer, type AddressInfo, type Socket } from 'node:net'
import type { ExecutionContext } from 'ava'
import { packetBytes } from '../../../../alerting/channels/nagios/packet.ts'

/** 128 bytes of IV and a time: what a daemon says first. */
export const hello = Buffer.concat([Buffer.alloc(128, 7), Buffer.from([0x65, 0x53, 0xf1, 0x00])])

/** A server on a free port that does with each connection what it is told to; closed after the test. */
export async function openServer(
  t: ExecutionContext,
  onConnection: (socket: Socket) => void,
): Promise<number> {
  const sockets = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket)
    socket.on('error', () => socket.destroy())
    onConnection(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

export interface Received {
  host: string
  service: string
  code: number
  output: string
  timestamp: number
}

/** Takes unencrypted packets of 4096 bytes of output and hangs up at their end, as `nsca` does. */
export async function openDaemon(t: ExecutionContext) {
  const connections: Received[][] = []
  const size = packetBytes(4096)
  const port = await openServer(t, (socket) => {
    const chunks: Buffer[] = []
    socket.write(hello)
    socket.on('data', (chunk: Buffer) => chunks.push(chunk))
    socket.on('end', () => {
      const all = Buffer.concat(chunks)
      const count = Math.floor(all.length / size)
      connections.push(
        Array.from({ length: count }, (_, i) => receive(all.subarray(i * size, (i + 1) * size))),
      )
      socket.end()
    })
  })
  return { port, connections }
}

function receive(packet: Buffer): Received {
  const text = (offset: number) => packet.toString('utf8', offset, packet.indexOf(0, offset))
  return {
    host: text(14),
    service: text(78),
    code: packet.readInt16BE(12),
    output: text(206),
    timestamp: packet.readUInt32BE(8),
  }
}

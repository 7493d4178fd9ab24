import { crc32 } from 'node:zlib'
import { cutBytes } from './output.ts'

/*
 * NSCA's protocol, version 3, as nsca 2.7 to 2.10 speak it. The server begins with 128 bytes of IV and its time; then
 * the client sends a packet a result. There is no answer. Numbers are big-endian; C's alignment left gaps:
 *
 *   0 version   2 gap   4 CRC   8 time   12 code   14 host[64]   78 service[128]   206 output[4096 or 512]   gap[2]
 */

/** One result, as a daemon is told it. */
export interface CheckResult {
  host: string
  /** Absent for a result of the host itself. */
  service?: string
  /** 0 to 3. */
  code: number
  output: string
}

/** What the server says first. */
export interface Hello {
  iv: Buffer
  /** The server's time, Unix seconds: the packet has to carry it, so that clocks need not agree. */
  timestamp: number
}

/** Room for output, bytes: since nsca 2.9, and before. */
export type OutputBytes = 4096 | 512

const ivBytes = 128
export const helloBytes = ivBytes + 4

const version = 3
const at = { crc: 4, timestamp: 8, code: 12, host: 14, service: 78, output: 206 } as const
const room = { host: 64, service: 128 } as const
const gapBytes = 2

export function packetBytes(outputBytes: OutputBytes): number {
  return at.output + outputBytes + gapBytes
}

/** Takes exactly {@link helloBytes} bytes. */
export function readHello(bytes: Buffer): Hello {
  return { iv: bytes.subarray(0, ivBytes), timestamp: bytes.readUInt32BE(ivBytes) }
}

/**
 * A packet before encryption. Texts too long are cut between characters. `padding` has the length of the packet and
 * shows wherever nothing else stands: the weaker methods would give the password away over zeros.
 */
export function encodePacket(result: CheckResult, timestamp: number, padding: Uint8Array): Buffer {
  const packet = Buffer.from(padding)
  packet.writeInt16BE(version, 0)
  packet.writeUInt32BE(0, at.crc)
  packet.writeUInt32BE(timestamp, at.timestamp)
  packet.writeInt16BE(result.code, at.code)
  writeText(packet, result.host, at.host, room.host)
  writeText(packet, result.service ?? '', at.service, room.service)
  writeText(packet, result.output, at.output, packet.length - at.output - gapBytes)
  packet.writeUInt32BE(crc32(packet), at.crc)
  return packet
}

/** A text, cut, and the zero that ends it. */
function writeText(packet: Buffer, text: string, offset: number, size: number) {
  const written = packet.write(cutBytes(text, size - 1), offset, 'utf8')
  packet[offset + written] = 0
}

import { createDecipheriv, type Decipheriv } from 'node:crypto'
import { openCipher, type EncryptionMethod } from '../../../../alerting/channels/nagios/cipher.ts'
import {
  encodePacket,
  packetBytes,
  readHello,
  type CheckResult,
  type OutputBytes,
} from '../../../../alerting/channels/nagios/packet.ts'

export interface Connection {
  hello: Buffer
  encryption: EncryptionMethod
  password: string
  outputBytes: OutputBytes
}

/**
 * What we would send for `results`, with the padding that somebody else's packets have: if these say the same, in the same
 * way, all bytes are the same.
 */
export function reencode(
  wire: Buffer,
  results: readonly CheckResult[],
  { hello, encryption, password, outputBytes }: Connection,
): Buffer {
  const { iv, timestamp } = readHello(hello)
  const size = packetBytes(outputBytes)
  const parts = results.map((_, i) => wire.subarray(i * size, (i + 1) * size))
  const padding = decrypt(encryption, password, iv, parts)
  const encrypt = openCipher(encryption, password, iv)
  return Buffer.concat(
    results.map((result, i) =>
      encrypt(encodePacket(result, timestamp, padding[i] ?? Buffer.alloc(size))),
    ),
  )
}

/** The inverse of `openCipher`, for one connection. */
function decrypt(
  method: EncryptionMethod,
  password: string,
  iv: Buffer,
  packets: readonly Buffer[],
): Buffer[] {
  const key = (bytes: number) => Buffer.concat([Buffer.from(password), Buffer.alloc(bytes)])
  const all = (decipher: Decipheriv) => packets.map((packet) => decipher.update(packet))
  if (method === 0 || method === 1) return packets.map(openCipher(method, password, iv))
  if (method === 14) {
    return all(createDecipheriv('aes-256-cfb8', key(32).subarray(0, 32), iv.subarray(0, 16)))
  }
  const des = key(8).subarray(0, 8)
  const whole = method === 3 ? key(24).subarray(0, 24) : Buffer.concat([des, des, des])
  return all(createDecipheriv('des-ede3-cfb8', whole, iv.subarray(0, 8)))
}

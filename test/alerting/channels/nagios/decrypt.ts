import { createDecipheriv, type Decipheriv } from 'node:crypto'
import { openCipher, type EncryptionMethod } from '../../../../alerting/channels/nagios/cipher.ts'

/** The inverse of `openCipher`, for one connection. */
export function decrypt(
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

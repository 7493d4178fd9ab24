import { createCipheriv } from 'node:crypto'

/** By the number that `decryption_method` has in `nsca.cfg`. */
export const methods = {
  0: 'none',
  1: 'xor',
  2: 'des',
  3: '3des',
  14: 'aes-256',
} as const
export type EncryptionMethod = keyof typeof methods

/** Encrypts the packets of one connection, in their order. */
export type Encrypt = (packet: Buffer) => Buffer

/**
 * What `nsca` decrypts with the same number and password. The ciphers are those of libmcrypt that OpenSSL has as well;
 * each byte is fed back (CFB-8), over the borders of packets. The password is the key: cut, or filled up with zeros.
 */
export function openCipher(method: EncryptionMethod, password: string, iv: Buffer): Encrypt {
  const secret = Buffer.from(password, 'utf8')
  switch (method) {
    case 0:
      return (packet) => packet
    case 1:
      return (packet) => xor(xor(packet, iv), secret)
    case 2: {
      // OpenSSL has no single DES any longer; three times the same key is just that.
      const key = keyOf(secret, 8)
      return feedback('des-ede3-cfb8', Buffer.concat([key, key, key]), iv.subarray(0, 8))
    }
    case 3:
      return feedback('des-ede3-cfb8', keyOf(secret, 24), iv.subarray(0, 8))
    case 14:
      return feedback('aes-256-cfb8', keyOf(secret, 32), iv.subarray(0, 16))
  }
}

function feedback(algorithm: string, key: Buffer, iv: Buffer): Encrypt {
  const cipher = createCipheriv(algorithm, key, iv)
  return (packet) => cipher.update(packet)
}

function keyOf(secret: Buffer, bytes: number): Buffer {
  const key = Buffer.alloc(bytes)
  secret.copy(key)
  return key
}

/** Each packet begins at the first byte of the key again. */
function xor(packet: Buffer, key: Buffer): Buffer {
  if (key.length === 0) return packet
  return Buffer.from(packet.map((byte, i) => byte ^ (key[i % key.length] ?? 0)))
}

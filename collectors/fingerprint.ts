import { createHash } from 'node:crypto'
import { readSync } from 'node:fs'

/**
 * What a log file begins with: the length of the beginning that was hashed, and the hash. Logs only grow, so a file
 * keeps it whatever its name or inode becomes; a longer beginning tells more files apart.
 */
export interface Fingerprint {
  length: number
  hash: string
}

/** A beginning longer than this tells no more. */
export const fingerprintBytes = 1024

/** The fingerprint of the first `length` bytes (at most {@link fingerprintBytes}); undefined if there are fewer. */
export function fingerprintOf(fd: number, length: number): Fingerprint | undefined {
  const wanted = Math.min(length, fingerprintBytes)
  const head = Buffer.allocUnsafe(wanted)
  let got = 0
  while (got < wanted) {
    const read = readSync(fd, head, got, wanted - got, got)
    if (read === 0) return undefined
    got += read
  }
  return { length: wanted, hash: hashOf(head) }
}

/** Whether the open file begins as the fingerprint says. */
export function beginsAs(fd: number, fingerprint: Fingerprint): boolean {
  return fingerprintOf(fd, fingerprint.length)?.hash === fingerprint.hash
}

export function hashOf(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex').slice(0, 16)
}

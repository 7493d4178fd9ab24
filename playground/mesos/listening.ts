import { readFileSync } from 'node:fs'

/** As `/proc/net/tcp` writes the state "listening". */
const listen = '0A'

/** The ports on which this machine listens; none where the OS does not tell in files. */
export function listeningPorts(): ReadonlySet<number> {
  return new Set(['/proc/net/tcp', '/proc/net/tcp6'].flatMap((file) => parseTcp(read(file))))
}

function read(file: string): string {
  try {
    return readFileSync(file, 'latin1')
  } catch {
    return ''
  }
}

/** Lines like `0: 0100007F:7918 00000000:0000 0A …`: the second field is address and port in hex, the fourth the state. */
export function parseTcp(text: string): number[] {
  return text.split('\n').flatMap((line) => {
    const [, local = '', , state] = line.trim().split(/\s+/)
    const port = Number.parseInt(local.split(':')[1] ?? '', 16)
    return state === listen && port > 0 ? [port] : []
  })
}

import { isIP } from 'node:net'

/** Whether a host name or address (in brackets or not) is this machine alone: `127.0.0.1`, `::1`, `localhost`, `x.localhost`. */
export function isLoopback(host: string): boolean {
  const name = host.replace(/^\[|\]$/g, '').toLowerCase()
  if (isIP(name) === 4) return name.startsWith('127.')
  return name === '::1' || name === 'localhost' || name.endsWith('.localhost')
}

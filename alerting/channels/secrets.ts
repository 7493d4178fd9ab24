/** Which texts of a channel's settings may stand in no detail, error or log. */

/** Shorter parts of an address are words, as `services` is. */
const shortestPart = 8

/** Of an address that is itself the permission to send: its path and query, and their parts. */
export function secretsOfUrl({ pathname, search, searchParams }: URL): string[] {
  const parts = [...pathname.split('/'), ...searchParams.values()]
  const long = [...parts, ...parts.map(decoded)].filter((part) => part.length >= shortestPart)
  const whole = [pathname + search, pathname, search].filter((text) => text.length > 1)
  return [...whole, ...long]
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

/** Of a key or the value of a header: itself, what stands behind `Bearer`, and the password in `Basic`. */
export function secretsOfHeader(value: string): string[] {
  const [, scheme = '', token = ''] = /^(\S+) +(.+)$/.exec(value) ?? []
  const login = scheme.toLowerCase() === 'basic' ? Buffer.from(token, 'base64').toString() : ''
  const password = login.slice(login.indexOf(':') + 1)
  return [value, token, login, password].filter((secret) => secret !== '')
}

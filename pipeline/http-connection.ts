import { readFileSync, statSync } from 'node:fs'
import { errorCode, Trouble } from './errors.ts'
import type { HttpAuth, HttpOptions } from './http.ts'

/** How a connection to Mesos or Marathon stands in the settings. */
export interface ConnectionSettings {
  user?: string | undefined
  password?: { reveal(): string } | undefined
  token?: { reveal(): string } | undefined
  token_scheme: 'bearer' | 'token'
  /** Paths of PEM files. */
  ca?: string | undefined
  cert?: string | undefined
  key?: string | undefined
}

const maxPemBytes = 1024 * 1024

/** Reads the files; throws a Trouble that names the one which cannot be read. */
export function readConnection(
  settings: ConnectionSettings,
): Pick<HttpOptions, 'auth' | 'ca' | 'cert' | 'key'> {
  return {
    auth: authOf(settings),
    ca: readPem(settings.ca),
    cert: readPem(settings.cert),
    key: readPem(settings.key),
  }
}

function authOf({ user, password, token, token_scheme: kind }: ConnectionSettings) {
  if (token) return { kind, token: token.reveal() } satisfies HttpAuth
  if (user === undefined) return undefined
  return { kind: 'basic', user, password: password?.reveal() ?? '' } satisfies HttpAuth
}

/** Undefined where none is named; throws a Trouble where it cannot be read. */
export function readPem(path: string | undefined): string | undefined {
  if (path === undefined) return undefined
  const remedy = 'name a PEM file that can be read'
  try {
    const stat = statSync(path)
    if (stat.isFile() && stat.size <= maxPemBytes) return readFileSync(path, 'utf8')
  } catch (error) {
    throw new Trouble(`cannot read ${path} (${errorCode(error) ?? 'unknown error'})`, { remedy })
  }
  throw new Trouble(`${path} is no certificate or key`, { remedy })
}

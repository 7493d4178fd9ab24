import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { errorCode, Trouble } from '../pipeline/errors.ts'
import { isContainerId } from './docker-answers.ts'
import { asObject } from './docker-identity.ts'

/** The ids of the containers that have a folder in Docker's `containers` folder. Throws a {@link Trouble}. */
export function listFolders(root: string): string[] {
  try {
    return readdirSync(root).filter(isContainerId)
  } catch (cause) {
    const code = errorCode(cause)
    throw new Trouble(`${root} cannot be listed (${code ?? String(cause)})`, {
      remedy:
        code === 'EACCES'
          ? 'give this process CAP_DAC_READ_SEARCH, or run it as root, or give the socket of the Docker daemon'
          : 'is this the `containers` folder of a Docker daemon?',
      retryable: true,
      cause,
    })
  }
}

export function logPathOf(root: string, id: string): string {
  return join(root, id, `${id}-json.log`)
}

/** What stands in a container's folder. */
export interface Description {
  /** Changes whenever the daemon writes it. */
  version: string
  /** Of `config.v2.json`: Name, Config, State … */
  config: Record<string, unknown>
  /** Of `hostconfig.json`: how it is run; undefined if it cannot be read. */
  host: Record<string, unknown> | undefined
  /** The log driver; undefined if it is not known. */
  driver: string | undefined
}

/** Reads the description unless it still has the version known; undefined if it cannot be read (yet). */
export function describeFolder(root: string, id: string, known: string | undefined) {
  const path = join(root, id, 'config.v2.json')
  try {
    // The daemon writes both files when it makes a container, this one first.
    const version = `${stampOf(path)} ${stampOf(join(root, id, 'hostconfig.json'))}`
    if (version === known) return undefined
    const config = asObject(JSON.parse(readFileSync(path, 'utf8')))
    const host = hostOf(root, id)
    return { version, config, host, driver: driverOf(host) } satisfies Description
  } catch {
    // Not there yet, not readable, or not JSON: what is known without it is enough to collect.
    return undefined
  }
}

/** Why a container's description cannot be read, with the remedy; undefined if it can. */
export function undescribed(root: string, id: string): string | undefined {
  const path = join(root, id, 'config.v2.json')
  try {
    JSON.parse(readFileSync(path, 'utf8'))
    return undefined
  } catch (error) {
    const why = error instanceof SyntaxError ? 'not JSON' : (errorCode(error) ?? String(error))
    const remedy = "its lines are stored as unresolved; mend it, or give the Docker daemon's socket"
    return `${path} cannot be read (${why}): ${remedy}`
  }
}

function stampOf(path: string): string {
  const stat = statSync(path, { throwIfNoEntry: false })
  return stat ? `${stat.mtimeMs}:${stat.ino}:${stat.size}` : 'none'
}

function hostOf(root: string, id: string): Record<string, unknown> | undefined {
  try {
    return asObject(JSON.parse(readFileSync(join(root, id, 'hostconfig.json'), 'utf8')))
  } catch {
    return undefined
  }
}

function driverOf(host: Record<string, unknown> | undefined): string | undefined {
  const type = asObject(host?.['LogConfig'])['Type']
  return typeof type === 'string' && type !== '' ? type : undefined
}

/** Whether opening the file is forbidden (as opposed to possible, or not there yet). */
export function isForbidden(path: string): boolean {
  try {
    statSync(path)
    return false
  } catch (error) {
    return errorCode(error) === 'EACCES' || errorCode(error) === 'EPERM'
  }
}

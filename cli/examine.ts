import { constants } from 'node:fs'
import { access, statfs } from 'node:fs/promises'
import { Agent } from 'node:http'
import { dirname, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import fetch from 'node-fetch'
import { createTransport } from 'nodemailer'
import { isLoopback } from '../pipeline/loopback.ts'
import type { DockerSettings, MailSettings } from '../config/settings.ts'
import { formatSize } from '../config/units.ts'
import { errorCode, explain, Trouble } from '../pipeline/errors.ts'
import { openApi } from './api.ts'
import { readAddress } from './source.ts'

/** The outcome of one check of `mesoscope doctor`. */
export interface Finding {
  name: string
  ok: boolean
  detail: string
  /** What to do, where it is not ok. */
  remedy?: string
}

const answerMs = 5000

/** What `look` returns is the detail; where it throws, `remedy` is what to do, unless its Trouble knows better. */
export async function found(name: string, remedy: string, look: () => unknown): Promise<Finding> {
  try {
    return { name, ok: true, detail: String(await look()) }
  } catch (error) {
    if (error instanceof Trouble) {
      const better = error.remedy?.replace(/; it is tried again$/, '')
      return { name, ok: false, detail: error.message, remedy: better ?? remedy }
    }
    const code = errorCode(error)
    const said = explain(error).split('\n')[0] ?? ''
    const detail = code && !said.includes(code) ? `${said} (${code})` : said
    return { name, ok: false, detail, remedy }
  }
}

export function checkNode(version: string): Promise<Finding> {
  return found('node', 'install Node 24.11 or newer; npm ci brings one on Linux', () => {
    const [major = 0, minor = 0] = version.split('.').map(Number)
    if (major > 24 || (major === 24 && minor >= 11)) return version
    throw new Error(`${version} is too old`)
  })
}

export function checkFullText(): Promise<Finding> {
  return found('sqlite', 'use the Node from nodejs.org or npm, whose SQLite has FTS5', () => {
    using db = new DatabaseSync(':memory:')
    db.exec('CREATE VIRTUAL TABLE lines USING fts5(message)')
    const row = db.prepare('SELECT sqlite_version() AS version').get()
    return `${String(row?.['version'])} with full-text search`
  })
}

/** The directory, or what it would be made in, can be written, and there is room for at least the spool. */
export function checkData(dir: string, neededBytes: number): Promise<Finding> {
  const remedy = 'free space, make it writable for this user, or name another with --data'
  return found('data directory', remedy, async () => {
    const place = await nearestExisting(resolve(dir))
    await access(place, constants.W_OK | constants.X_OK)
    const { bavail, bsize } = await statfs(place)
    const free = formatSize(bavail * bsize)
    if (bavail * bsize >= neededBytes) return `${dir} can be written, ${free} free`
    throw new Error(`${dir} has ${free} free, the spool alone may take ${formatSize(neededBytes)}`)
  })
}

async function nearestExisting(path: string): Promise<string> {
  try {
    await access(path)
    return path
  } catch (error) {
    if (errorCode(error) !== 'ENOENT' || dirname(path) === path) throw error
    return nearestExisting(dirname(path))
  }
}

/** Green while nothing runs; a process that runs and is in trouble is not. */
export function checkProcess(dir: string): Promise<Finding> {
  return found(
    'process',
    'look at its log, and at the components that /healthz names',
    async () => {
      const address = readAddress(dir)
      if (!address) return `none is running on ${dir}`
      const { status } = await openApi(address).get<{ status?: unknown }>('/api/health')
      if (status === 'red') throw new Error(`${address.url} is red`)
      return `${address.url} is ${String(status)}`
    },
  )
}

export function checkDocker({ root, socket }: DockerSettings): Promise<Finding>[] {
  const findings: Promise<Finding>[] = []
  if (root !== undefined) {
    const remedy =
      'run Mesoscope as a user who may read it (with CAP_DAC_READ_SEARCH, or root), or leave root out'
    findings.push(
      found('docker files', remedy, async () => {
        await access(root, constants.R_OK | constants.X_OK)
        return `${root} can be read`
      }),
    )
  }
  if (socket !== undefined) {
    const remedy = 'start Docker, put this user into the group docker, or leave socket out'
    findings.push(found('docker socket', remedy, () => pingDocker(socket)))
  }
  return findings
}

async function pingDocker(socketPath: string): Promise<string> {
  const agent = new Agent({ socketPath } as ConstructorParameters<typeof Agent>[0])
  const response = await fetch('http://localhost/_ping', {
    agent,
    size: 64 * 1024,
    signal: AbortSignal.timeout(answerMs),
  })
  await response.text()
  if (!response.ok) throw new Error(`${socketPath} answers ${response.status}`)
  return `${socketPath} answers`
}

export function checkMail({ host, port, secure, user, password }: MailSettings): Promise<Finding> {
  const remedy = 'check mail.host, mail.port, mail.user and mail.password, and that the server runs'
  return found('mail server', remedy, async () => {
    const transport = createTransport({
      host,
      port,
      secure,
      // As when mail is sent: a password goes in the clear to nobody but this machine.
      requireTLS: password !== undefined && !secure && !isLoopback(host),
      ...(user !== undefined && password && { auth: { user, pass: password.reveal() } }),
      connectionTimeout: answerMs,
      greetingTimeout: answerMs,
      socketTimeout: answerMs,
    })
    try {
      await transport.verify()
      return `${host}:${port} answers`
    } finally {
      transport.close()
    }
  })
}

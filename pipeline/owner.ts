import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { errorCode, Trouble } from './errors.ts'

/** Version of what is inside a data directory; raised when an older program could not read it. */
const dataVersion = 1

/**
 * Makes this process the one owner of a data directory. The lock is a transaction of SQLite's, which the operating
 * system lets go when the process ends, however it ends. Throws Trouble if another process has it, if the
 * directory was written by a newer version, or if it cannot be written.
 */
export function ownDirectory(dir: string): { release(): void } {
  checkDirectory(dir)
  const lock = new DatabaseSync(join(dir, 'owner.lock'), { timeout: 0 })
  try {
    lock.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE')
  } catch (error) {
    lock.close()
    const pid = runningProcess(dir)?.pid
    throw new Trouble(`${dir} is in use by another mesoscope${pid ? ` (process ${pid})` : ''}`, {
      remedy: 'stop it, or give this one a directory of its own with --data',
      cause: error,
    })
  }
  return {
    release() {
      lock.exec('ROLLBACK')
      lock.close()
    },
  }
}

function checkDirectory(dir: string): void {
  const file = join(dir, 'version')
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 })
    const found = Number(readVersion(file) ?? dataVersion)
    if (found > dataVersion) {
      throw new Trouble(
        `${dir} was written by a newer version of mesoscope (data version ${found}, this one reads ${dataVersion})`,
        {
          remedy: 'run that version, or give this one another directory with --data',
        },
      )
    }
    writeFileSync(file, `${dataVersion}\n`)
  } catch (error) {
    if (error instanceof Trouble) throw error
    throw new Trouble(
      `cannot use ${dir} as the data directory: ${errorCode(error) ?? String(error)}`,
      {
        remedy: 'make it writable for this user, or choose another with --data',
        cause: error,
      },
    )
  }
}

function readVersion(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim()
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    throw error
  }
}

/** Where the running program can be reached; written by it into its data directory, read by the command line. */
export interface ProcessFile {
  pid: number
  url?: string
  token?: string
}

const processFile = (dir: string) => join(dir, 'process.json')

export function writeProcessFile(dir: string, process: ProcessFile): void {
  writeFileSync(processFile(dir), `${JSON.stringify(process)}\n`, { mode: 0o600 })
}

/** What the last owner wrote; it may have ended since. */
export function runningProcess(dir: string): ProcessFile | undefined {
  try {
    return JSON.parse(readFileSync(processFile(dir), 'utf8')) as ProcessFile
  } catch {
    return undefined
  }
}

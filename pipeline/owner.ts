import { randomUUID } from 'node:crypto'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { errorCode, Trouble } from './errors.ts'
import { explained } from './sqlite.ts'

/** Version of what is inside a data directory; raised when an older program could not read it. */
const dataVersion = 1

/**
 * Makes this process the one owner of a data directory. The lock is a transaction of SQLite's, which the operating
 * system lets go when the process ends, however it ends. Throws Trouble if another process has it, if the
 * directory was written by a newer version, or if it cannot be written.
 */
export function ownDirectory(dir: string): { release(): void } {
  checkDirectory(dir)
  const file = join(dir, 'owner.lock')
  const lock = explained(file, () => new DatabaseSync(file, { timeout: 0 }))
  try {
    explained(file, () => takeLock(lock, dir))
    // Until the address is known: whoever is refused is told by whom, and nobody calls the last owner's address.
    explained(dir, () => writeProcessFile(dir, { pid: process.pid }))
    held.add(lock)
  } catch (error) {
    lock.close()
    throw error
  }
  return {
    release() {
      if (!held.delete(lock)) return
      lock.exec('ROLLBACK')
      lock.close()
    },
  }
}

/** Locks live as long as the process, even if nobody keeps them: a collected one would be let go. */
const held = new Set<DatabaseSync>()

/** SQLite's result code for a lock that another has. */
const busy = 5

function takeLock(lock: DatabaseSync, dir: string): void {
  try {
    lock.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE')
  } catch (error) {
    if ((error as { errcode?: number }).errcode !== busy) throw error
    const pid = runningProcess(dir)?.pid
    throw new Trouble(`${dir} is in use by another mesoscope${pid ? ` (process ${pid})` : ''}`, {
      remedy: 'stop it, or give this one a directory of its own with --data',
      cause: error,
    })
  }
}

function checkDirectory(dir: string): void {
  const file = join(dir, 'version')
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 })
    const found = readVersion(file)
    if (found === dataVersion) return
    if (found !== undefined && found > dataVersion) {
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
    const code = errorCode(error)
    throw new Trouble(`cannot use ${dir} as the data directory: ${code ?? String(error)}`, {
      remedy: `${remedies[code ?? ''] ?? 'make it writable for this user'}, or choose another with --data`,
      cause: error,
    })
  }
}

const remedies: Record<string, string> = {
  EEXIST: 'there is a file in its place: move that away',
  ENOTDIR: 'there is a file in its place: move that away',
  ENOSPC: 'free disk space',
}

/** Undefined where there is none yet; also after a kill between making the file and writing it. */
function readVersion(file: string): number | undefined {
  try {
    const text = readFileSync(file, 'utf8').trim()
    if (text !== '' && !/^\d+$/.test(text)) {
      throw new Trouble(`${file} does not hold a data version`, {
        remedy: 'choose another data directory with --data, or delete this one if it is not needed',
      })
    }
    return text === '' ? undefined : Number(text)
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

/** When the program ends: who takes its port next must not be given its token. */
export function removeProcessFile(dir: string): void {
  rmSync(processFile(dir), { force: true })
}

/** A name for what keeps its state in this directory, the same after a restart, whatever the machine is called. */
export function directoryId(dir: string): string {
  const file = join(dir, 'id')
  try {
    const id = readFileSync(file, 'utf8').trim()
    if (id !== '') return id
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error
  }
  const id = randomUUID()
  writeFileSync(file, `${id}\n`)
  return id
}

const processFile = (dir: string) => join(dir, 'process.json')

export function writeProcessFile(dir: string, process: ProcessFile): void {
  writeFileSync(processFile(dir), `${JSON.stringify(process)}\n`, { mode: 0o600 })
}

/** What the last owner wrote; it may have ended since. */
export function runningProcess(dir: string): ProcessFile | undefined {
  try {
    const found = JSON.parse(readFileSync(processFile(dir), 'utf8')) as ProcessFile | null
    return typeof found?.pid === 'number' ? found : undefined
  } catch {
    return undefined
  }
}

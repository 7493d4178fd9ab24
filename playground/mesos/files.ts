import { closeSync, openSync, readdirSync, readSync, realpathSync, statSync } from 'node:fs'
import type { Stats } from 'node:fs'
import { userInfo } from 'node:os'
import { join, sep } from 'node:path'
import { executorDirectory, executorRuns, type Executor } from './executors.ts'
import { double } from './json/number.ts'
import { refusal, type Answer } from './libprocess.ts'

/** Files of sandboxes, as an agent hands them out. What is not in a sandbox is not there. */
export interface Files {
  browse(path: string): FileInfo[] | Refused
  /** `length` bytes at most, and 64 KiB at most, of the file that has `size`. */
  read(path: string, offset: number, length?: number): { size: number; data: Buffer } | Refused
  /** Of a file, not a folder. */
  locate(path: string): { file: string } | Refused
}

export interface FileInfo {
  path: string
  stats: Stats
}

export interface Refused {
  refused: Answer
}

const mostBytes = 16 * 4096

/** `executors`: those whose sandboxes can be seen. */
export function openFiles(executors: () => readonly Executor[]): Files {
  function locate(path: string): { file: string } | Refused {
    const found = resolve(path, attached(executors()))
    if ('refused' in found || !statSync(found.file).isDirectory()) return found
    return { refused: refusal(400, 'Cannot read a directory.\n') }
  }

  return {
    locate,
    browse(path) {
      const found = resolve(path, attached(executors()))
      return 'refused' in found ? found : list(path, found.file)
    },
    read(path, offset, length) {
      const found = locate(path)
      return 'refused' in found ? found : readPart(found.file, offset, length)
    },
  }
}

/** Real folder by the paths under which it is known: its own, `latest` beside it, and one that hides where it is. */
function attached(executors: readonly Executor[]): Map<string, string> {
  const paths = new Map<string, string>()
  for (const executor of executors) {
    const folder = executorDirectory(executor)
    const { framework, id } = executor
    paths.set(folder, folder)
    // The newest run comes last.
    paths.set(join(executorRuns(executor), 'latest'), folder)
    paths.set(`/frameworks/${framework.id}/executors/${id}/runs/latest`, folder)
  }
  return paths
}

function resolve(path: string, attachedTo: Map<string, string>): { file: string } | Refused {
  const clean = path.replace(/\/+$/, '')
  for (let at = clean; at !== ''; at = at.slice(0, at.lastIndexOf('/'))) {
    const root = attachedTo.get(at)
    if (root !== undefined) return below(root, clean.slice(at.length))
  }
  return { refused: refusal(404, '') }
}

/** A link that leads out of the sandbox is refused. */
function below(root: string, rest: string): { file: string } | Refused {
  try {
    const real = realpathSync(root)
    const file = realpathSync(join(root, rest))
    if (file === real || file.startsWith(real + sep)) return { file }
    return { refused: refusal(400, `'${join(root, rest)}' is inaccessible.\n`) }
  } catch {
    return { refused: refusal(404, '') }
  }
}

function list(path: string, folder: string): FileInfo[] {
  try {
    return readdirSync(folder)
      .toSorted()
      .flatMap((name) => info(join(path, name), join(folder, name)))
  } catch {
    return []
  }
}

function info(path: string, file: string): FileInfo[] {
  try {
    return [{ path, stats: statSync(file) }]
  } catch {
    return []
  }
}

function readPart(file: string, offset: number, length?: number): { size: number; data: Buffer } {
  const fd = openSync(file, 'r')
  try {
    const { size } = statSync(file)
    const most = Math.max(0, Math.min(length ?? mostBytes, mostBytes, size - offset))
    const data = Buffer.alloc(most)
    return { size, data: data.subarray(0, readSync(fd, data, 0, most, offset)) }
  } finally {
    closeSync(fd)
  }
}

/** As `/files/browse` writes it. */
export function fileV0({ path, stats }: FileInfo): Record<string, unknown> {
  return {
    gid: stats.gid === 0 ? 'root' : String(stats.gid),
    mode: modeText(stats),
    mtime: double(Math.trunc(stats.mtimeMs / 1000)),
    nlink: stats.nlink,
    path,
    size: stats.size,
    uid: userName(stats.uid),
  }
}

/** As the operator API writes it. */
export function fileV1({ path, stats }: FileInfo): Record<string, unknown> {
  const nanoseconds = Math.trunc(stats.mtimeMs / 1000) * 1e9
  return {
    path,
    nlink: stats.nlink,
    size: stats.size,
    mtime: { nanoseconds },
    mode: stats.mode,
    uid: userName(stats.uid),
    gid: stats.gid === 0 ? 'root' : String(stats.gid),
  }
}

/** `drwxr-xr-x` */
function modeText(stats: Stats): string {
  const kind = stats.isDirectory() ? 'd' : stats.isFIFO() ? 'p' : '-'
  const bits = 'rwxrwxrwx'
    .split('')
    .map((letter, at) => ((stats.mode >> (8 - at)) & 1 ? letter : '-'))
  return kind + bits.join('')
}

function userName(uid: number): string {
  if (uid === 0) return 'root'
  const own = userInfo()
  return own.uid === uid ? own.username : String(uid)
}

/**
 * `{"data": …, "offset": …}`. The bytes of the file stand in it as they are, whatever they are: a reader has to bear
 * that a character is cut in two.
 */
export function readAnswer(data: Buffer, offset: number): Buffer {
  const text = JSON.stringify(data.toString('latin1'))
  return Buffer.from(`{"data":${text},"offset":${offset}}`, 'latin1')
}

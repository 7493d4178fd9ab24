import { closeSync, fstatSync, ftruncateSync, openSync, renameSync, writeSync } from 'node:fs'
import { errorCode, explain, Trouble } from '../pipeline/errors.ts'

export interface RotatingFileOptions {
  path: string
  /** Bytes after which it is full. */
  maxSize: number
  /** How many there are at most, the one that is written included; at least 2. */
  files: number
  /** Permissions. */
  mode: number
}

/** A file that is renamed to `.1`, `.2` … when it is full. */
export interface RotatingFile {
  /** Bytes left before it is full; 0 or less: full. */
  room(): number
  /** Begins a new file. */
  rotate(): void
  /** Whole, into the file as it is; a retryable {@link Trouble}, and nothing written, if the disk refuses. */
  write(bytes: Uint8Array): void
  close(): void
}

/** Throws what the disk throws. */
export function openRotating({ path, maxSize, files, mode }: RotatingFileOptions): RotatingFile {
  let fd = openSync(path, 'a', mode)
  let size = fstatSync(fd).size

  function write(bytes: Uint8Array): void {
    try {
      for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at)
      size += bytes.length
    } catch (error) {
      cutTorn()
      throw new Trouble(`cannot write ${path}: ${explain(error)}`, {
        remedy: errorCode(error) === 'ENOSPC' ? 'make room on the disk' : 'see to the directory',
        retryable: true,
        cause: error,
      })
    }
  }

  /** A half-written record would swallow the next one. */
  function cutTorn(): void {
    try {
      ftruncateSync(fd, size)
    } catch {
      // The disk is in trouble already, and that is being told.
    }
  }

  function rotate(): void {
    for (let n = files - 1; n >= 1; n--) renameIfThere(n === 1 ? path : `${path}.${n - 1}`, n)
    // Should this fail, the old one is still open, and the next write tries again.
    const next = openSync(path, 'w', mode)
    closeSync(fd)
    fd = next
    size = 0
  }

  function renameIfThere(from: string, n: number): void {
    try {
      renameSync(from, `${path}.${n}`)
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') throw error
    }
  }

  return { room: () => maxSize - size, rotate, write, close: () => closeSync(fd) }
}

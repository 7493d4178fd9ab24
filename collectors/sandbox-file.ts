import { lstatSync, type Stats } from 'node:fs'
import type { PlainInput, PlainPosition } from './plain-file.ts'
import { lookAgainMs } from './sandbox-tree.ts'
import type { Collected } from './sink.ts'
import type { WatchHints } from './watch-hints.ts'

/**
 * What is stored of a file: where reading goes on, and, once nothing was to be read for a while, what the file looked like.
 * While it looks so it need not be opened.
 */
export interface StoredFile extends Partial<PlainPosition> {
  rest?: string
  /** All of it was read, and nobody will write to it any more. */
  over?: true
}

/**
 * `reading`: it is open. `queued`: it would be, were fewer open. `resting`: closed, since it is silent. `over`: it is not
 * looked at any more.
 */
export type FileState = 'reading' | 'queued' | 'resting' | 'over'

export interface SandboxFileOptions {
  key: string
  path: string
  stored: StoredFile | undefined
  /** When its sandbox was made, or changed last before it was found. */
  sinceMs: number
  hints: WatchHints
  onHint(): void
  /** Begins to read it from there. */
  open(position: PlainPosition | undefined, made: number): PlainInput
  /** Ends that. */
  shut(input: PlainInput): void
  /** False once nothing more can come of it. */
  isOpen(input: PlainInput): boolean
  /** It is a link or a pipe: such a thing is not read. */
  refuse(): void
  put(collected: Collected): void
}

/** `stdout` or `stderr` of one sandbox, of which there may be thousands that are silent. Times are ms. */
export interface SandboxFile {
  /** `isOver`: its writers have ended. `mayOpen`: there is room for another one that nobody has written to lately. */
  update(nowMs: number, how: { isOver: boolean; mayOpen: boolean }): FileState
  /** When to update it again. */
  dueMs(): number
  /** It is being looked for, or read. */
  input(): PlainInput | undefined
  /** What was taken of it, on its way to the sink. */
  taken(collected: Collected): void
  /** Its sandbox was removed: what is open is read to its end, and its position forgotten. */
  gone(): void
  /** Somebody else reads it. */
  leave(): void
  /** What was not appended of it is read again by who opens it next. */
  shut(): void
}

/** A file that is silent for so long is closed; another time once its writers have ended. */
const restMs = 60_000
const overMs = 5_000
/** A sandbox this young gets its files soon. */
const youngMs = 10_000
/** How often one is looked at of which the kernel tells, and one that is open. */
const watchedMs = 30_000
const openMs = 1_000

export function openSandboxFile(options: SandboxFileOptions): SandboxFile {
  const { key, path, hints, put } = options
  let position = positionIn(options.stored)
  /** So many files of this name were read and removed before. */
  let made = options.stored?.made ?? 0
  let stamp = options.stored?.rest
  let state: FileState = options.stored?.over ? 'over' : stamp === undefined ? 'queued' : 'resting'
  let input: PlainInput | undefined
  let isNoted = options.stored !== undefined
  let isRefused = false
  let dueMs = 0

  function openIfWanted(stat: Stats | undefined, nowMs: number, mayOpen: boolean): void {
    const isNew = nowMs - (stat?.mtimeMs ?? options.sinceMs) < restMs
    const isExpected = !stat && nowMs - options.sinceMs < youngMs
    if (stat ? !stat.isFile() : !isExpected) return letBe(stat, nowMs)
    if (!isNew && !isExpected && !mayOpen) {
      state = 'queued'
      dueMs = nowMs + lookAgainMs(nowMs - (stat?.mtimeMs ?? nowMs))
      return
    }
    hints.unwatch(path)
    stamp = undefined
    state = 'reading'
    input = options.open(position, made)
    // Of the others many may be waiting.
    dueMs = isNew || isExpected ? nowMs + openMs : 0
  }

  /** There is nothing that could be read. */
  function letBe(stat: Stats | undefined, nowMs: number): void {
    if (stat && !isRefused) options.refuse()
    isRefused ||= stat !== undefined
    stamp = stampOf(stat)
    state = 'resting'
    lookLater(stat, nowMs)
  }

  function isSilent(reading: PlainInput, stat: Stats | undefined, nowMs: number, isOver: boolean) {
    const writtenMs = stat?.mtimeMs ?? options.sinceMs
    if (nowMs - writtenMs < (isOver ? overMs : restMs)) return false
    // A file that was removed is open still: it ends by itself.
    if (!stat && !reading.idle()) return false
    if (!reading.caughtUp() || reading.waitingSince() !== undefined) return false
    // It was read to its end after that.
    return reading.readThrough() > writtenMs
  }

  function rest(stat: Stats | undefined, nowMs: number): void {
    if (input) options.shut(input)
    input = undefined
    stamp = stampOf(stat)
    state = 'resting'
    if (stat || position || made > 0) note({ ...ofMade(), ...position, rest: stamp })
    lookLater(stat, nowMs)
  }

  const ofMade = () => (made > 0 ? { made } : {})

  function lookLater(stat: Stats | undefined, nowMs: number): void {
    if (stat?.isFile()) hints.watch(path, onHint)
    const unchangedMs = nowMs - (stat?.mtimeMs ?? options.sinceMs)
    dueMs = nowMs + (hints.has(path) ? watchedMs : lookAgainMs(unchangedMs))
  }

  function onHint(): void {
    dueMs = 0
    options.onHint()
  }

  function note(stored: StoredFile): void {
    isNoted = true
    put({ positions: { [key]: stored } })
  }

  function end(): void {
    hints.unwatch(path)
    state = 'over'
    note({ ...position, over: true })
  }

  function forget(): void {
    hints.unwatch(path)
    if (input) options.shut(input)
    input = undefined
    state = 'over'
    if (isNoted) put({ positions: { [key]: null } })
    isNoted = false
  }

  function update(nowMs: number, { isOver, mayOpen }: { isOver: boolean; mayOpen: boolean }) {
    if (input && !options.isOpen(input)) {
      // The file was removed and read to its end; its position is forgotten.
      input = undefined
      position = undefined
      stamp = stampOf(undefined)
      state = 'resting'
    }
    const isNext = nowMs >= dueMs || (state === 'queued' && mayOpen)
    if (state === 'over' || !isNext) return state
    const stat = statOf(path)
    if (input) {
      if (dueMs > 0) dueMs = nowMs + openMs
      if (isSilent(input, stat, nowMs, isOver)) rest(stat, nowMs)
    } else if (stampOf(stat) !== stamp) openIfWanted(stat, nowMs, mayOpen)
    else lookLater(stat, nowMs)
    if (state === 'resting' && isOver) end()
    return state
  }

  return {
    update,
    dueMs: () => dueMs,
    input: () => input,
    taken({ positions }) {
      const now = positions?.[key]
      if (now === undefined) return
      const stored: StoredFile = now ?? {}
      position = positionIn(stored)
      made = stored.made ?? made
      isNoted = now !== null
    },
    gone() {
      hints.unwatch(path)
      input?.gone()
    },
    leave: forget,
    shut() {
      if (input) options.shut(input)
    },
  }
}

function positionIn(stored: StoredFile | undefined): PlainPosition | undefined {
  const { source, file, state, made } = stored ?? {}
  if (source === undefined || !file || !state) return undefined
  return { source, file, state, ...(made === undefined ? {} : { made }) }
}

function stampOf(stat: Stats | undefined): string {
  return stat ? `${stat.dev}:${stat.ino}:${stat.size}:${stat.mtimeMs}` : 'none'
}

/** Undefined if it is not there, or must not be looked at: reading it tells why. */
function statOf(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false })
  } catch {
    return undefined
  }
}

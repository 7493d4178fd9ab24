import { lstatSync } from 'node:fs'
import { basename, join } from 'node:path'
import { msToIso, streams, type ChangeDoc, type Stream } from '../pipeline/event.ts'
import { identityToEcs, type Identity } from '../pipeline/identity.ts'
import type { CollectedContainers } from './collected-containers.ts'
import { openPlainFile, type PlainFileOptions, type PlainInput } from './plain-file.ts'
import type { Input } from './pump.ts'
import {
  openSandboxFile,
  type FileState,
  type SandboxFile,
  type StoredFile,
} from './sandbox-file.ts'
import { containerName, sandboxIdentity } from './sandbox-identity.ts'
import { wishesOf } from './wishes.ts'
import type { SandboxMeta } from './sandbox-meta.ts'
import type { RunState, SandboxRun } from './sandbox-folder.ts'
import { lookAgainMs } from './sandbox-tree.ts'
import type { Collected, Sink } from './sink.ts'
import type { WatchHints } from './watch-hints.ts'

/** `wait`: Docker's collector may come to read it; meanwhile its files are held open, not read. */
type Verdict = 'collect' | 'wait' | 'leave'

export interface OpenRunOptions extends Pick<
  PlainFileOptions,
  'maxEventBytes' | 'multiline' | 'redactor'
> {
  /** Of the collector. */
  name: string
  run: SandboxRun
  /** When it was found, ms. */
  foundMs: number
  cluster?: string | undefined
  /** Name of this machine. */
  hostname: string
  meta: SandboxMeta
  /** Undefined where no collector of this process reads Docker's logs. */
  docker?: CollectedContainers | undefined
  /** Where inputs are put to be read. */
  inputs: Map<string, Input>
  hints: WatchHints
  sink: Pick<Sink, 'position'>
  put(collected: Collected): void
  onHint(): void
  onBytes(bytes: number): void
}

/** The two files of one sandbox. */
export interface OpenRun {
  run: SandboxRun
  /** `mayOpen`: there is room for another file that nobody has written to lately. */
  update(nowMs: number, mayOpen: () => boolean): RunState
  /** When to update it again. */
  dueMs(): number
  /** It waits for room. */
  isQueued(): boolean
  /** It is young, and nothing of it was found yet. */
  isAwaited(nowMs: number): boolean
  /** Its directory was removed. */
  gone(): void
  /** Nothing of it is open any more. */
  isClosed(): boolean
  /** It was found again, and is opened anew. */
  shut(): void
}

/** A run this young gets its files, and its description, soon. */
const youngMs = 10_000
const learnEveryMs = 500
/** Of a run that nobody described: Docker's collector knows its container by then, if Docker runs it. */
const undescribedMs = 5_000
/** Pulling an image takes minutes; who waits longer tells why in the sandbox. */
const pullMs = 600_000

/** Keys of positions: of files, and of runs that somebody else reads. */
export const fileKey = (name: string, path: string, stream: Stream) =>
  `${name}:file:${path}/${stream}`
export const leftKey = (name: string, path: string) => `${name}:left:${path}`

export function openSandboxRun(options: OpenRunOptions): OpenRun {
  const { name, run, foundMs, meta, docker, inputs, hints, sink, put } = options
  const sinceMs = madeMs(run, foundMs)
  const isFirstOver = meta.isOver(run)
  let facts = meta.executor(run)
  let isOver = isFirstOver
  let identity = identityNow()
  let states: FileState[] = []
  let isQuiet = false
  let isLeft = sink.position(leftKey(name, run.path)) !== undefined
  const keys = streams.map((stream) => fileKey(name, run.path, stream))
  const wasCollected = keys.some((key) => sink.position(key) !== undefined)
  const files = streams.map((stream, at) => openFile(keys[at] as string, join(run.dir, stream)))
  let learnMs = 0

  function identityNow(): Identity {
    const { cluster, hostname } = options
    const agent = meta.hostname(run.agentId) ?? hostname
    const { isCommand = false, labels } = facts ?? {}
    return sandboxIdentity(run, { cluster, agent, isCommand, labels })
  }

  function openFile(key: string, path: string): SandboxFile {
    const file: SandboxFile = openSandboxFile({
      key,
      path,
      stored: sink.position(key) as StoredFile | undefined,
      sinceMs,
      hints,
      onHint: options.onHint,
      open(position, made) {
        const input = gated(
          openPlainFile({
            ...options,
            key,
            path,
            identity,
            position,
            history: true,
            container: containerName(run),
            place: `${run.path}/${basename(path)}`,
            made,
            confined: true,
          }),
          (taken) => file.taken(taken),
        )
        inputs.set(key, input)
        return input
      },
      shut(input) {
        if (inputs.get(key) === input) inputs.delete(key)
        input.close()
      },
      isOpen: (input) => inputs.get(key) === input,
      refuse: () => put({ changes: [refusal(key, path)] }),
      put,
    })
    return file
  }

  /** Is looked at, not read, as long as somebody else may come to read it. */
  function gated(input: PlainInput, onTaken: (taken: Collected) => void): PlainInput {
    let lookedMs = 0
    return {
      ...input,
      async read(buffer, nowMs) {
        if (judge(nowMs) === 'collect') return input.read(buffer, nowMs)
        await input.look(nowMs)
        lookedMs = nowMs
        return false
      },
      take(nowMs, force) {
        const taken = input.take(nowMs, force)
        if (taken) onTaken(taken)
        return taken
      },
      // What Docker runs most likely prints nothing here that Docker's collector does not read.
      readThrough: () =>
        isDockers() ? Math.max(lookedMs, input.readThrough()) : input.readThrough(),
    }
  }

  const isDockers = () => docker !== undefined && facts?.containerizer === 'DOCKER'

  function judge(nowMs: number): Verdict {
    if (isLeft || wishesOf(identity).collect === false) return 'leave'
    // Containers within containers are Mesos' own.
    if (!docker || run.parents.length > 0) return 'collect'
    if (docker.has(run.containerId)) return 'leave'
    if (facts?.containerizer === 'MESOS' || wasCollected) return 'collect'
    if (!facts) return nowMs - foundMs < undescribedMs ? 'wait' : 'collect'
    // Of what ended before we came there is no telling whether Docker's collector read it; most likely it did.
    if (isFirstOver) return 'leave'
    // It ended, and Docker never had it: the sandbox tells why.
    return isOver || nowMs - foundMs >= pullMs ? 'collect' : 'wait'
  }

  function learn(nowMs: number): void {
    if (isOver && facts) return
    if (nowMs < learnMs) return
    learnMs = nowMs + (isReading() ? learnEveryMs : lookAgainMs(nowMs - sinceMs))
    isOver ||= meta.isOver(run)
    if (facts || nowMs - sinceMs >= youngMs) return
    facts = meta.executor(run)
    const now = identityNow()
    if (JSON.stringify(now) === JSON.stringify(identity)) return
    identity = now
    for (const file of files) file.input()?.identify(identity)
  }

  const isQueued = () => states.includes('queued')
  const isReading = () => states.length === 0 || states.includes('reading')

  function leave(): void {
    for (const file of files) file.leave()
    if (!isLeft) put({ positions: { [leftKey(name, run.path)]: true } })
    isLeft = true
  }

  function refusal(key: string, path: string): ChangeDoc {
    return {
      '@timestamp': msToIso(foundMs),
      'event.id': `change:collector:${key}:refused`,
      'event.kind': 'collector',
      'event.action': 'unreadable',
      message: `${path} is no regular file: what is behind it is not read`,
      ...identityToEcs(identity),
    }
  }

  return {
    run,
    update(nowMs, mayOpen) {
      learn(nowMs)
      if (judge(nowMs) === 'leave') {
        leave()
        return 'over'
      }
      states = files.map((file) => file.update(nowMs, { isOver, mayOpen: mayOpen() }))
      if (states.every((state) => state === 'over')) return 'over'
      isQuiet = !isReading() && nowMs - sinceMs >= youngMs
      return isQuiet ? 'quiet' : 'live'
    },
    dueMs: () =>
      isQuiet && !isQueued() ? Math.min(learnMs, ...files.map((file) => file.dueMs())) : 0,
    isQueued,
    isAwaited: (nowMs) =>
      nowMs - sinceMs < youngMs && files.some((file) => file.input()?.idle() ?? false),
    gone() {
      for (const file of files) file.gone()
    },
    shut() {
      for (const file of files) file.shut()
    },
    isClosed: () => keys.every((key) => !inputs.has(key)),
  }
}

/** When the sandbox was made, or something in it came or went, before it was found. */
function madeMs({ dir }: SandboxRun, foundMs: number): number {
  try {
    return Math.min(foundMs, lstatSync(dir).mtimeMs)
  } catch {
    return foundMs
  }
}

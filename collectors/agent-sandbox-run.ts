import { Trouble, explain } from '../pipeline/errors.ts'
import { streams } from '../pipeline/event.ts'
import type { Identity } from '../pipeline/identity.ts'
import type { AgentFiles } from './agent-files.ts'
import {
  openPlainFile,
  type PlainFileOptions,
  type PlainInput,
  type PlainPosition,
} from './plain-file.ts'
import type { Input } from './pump.ts'
import { openRemoteLog, type Listing } from './remote-log.ts'
import { containerName } from './sandbox-identity.ts'
import { fileKey } from './sandbox-run.ts'
import type { StoredFile } from './sandbox-file.ts'
import type { SandboxRun } from './sandbox-folder.ts'
import type { Collected, Sink } from './sink.ts'

export interface AgentSandboxRunOptions extends Pick<
  PlainFileOptions,
  'maxEventBytes' | 'multiline' | 'redactor'
> {
  /** Of the collector. */
  name: string
  run: SandboxRun
  identity: Identity
  files: AgentFiles
  inputs: Map<string, Input>
  sink: Pick<Sink, 'position'>
  /** How often at most it may be looked at now, ms: there are many. */
  paceMs(): number
  put(collected: Collected): void
  onBytes(bytes: number): void
}

/** The two files of one sandbox, read through the agent. */
export interface AgentSandboxRun {
  run: SandboxRun
  /** `isOver`: its writers have ended. Ends the reading of what is complete; true once nothing more will come. */
  update(nowMs: number, how: { isOver: boolean }): boolean
}

const busyMs = 1_000
const idleMs = 2_000
/** So long after its last line a sandbox is busy. */
const recentMs = 10_000
/** Writers have ended, and the file system has told all, after so long. */
const overMs = 5_000
const backOffMs = { first: 2_000, last: 60_000 }

export function openAgentSandboxRun(options: AgentSandboxRunOptions): AgentSandboxRun {
  const { name, run, files, inputs, sink, put } = options
  let listing: Listing | undefined
  let before = ''
  let changedMs = -Infinity
  let dueMs = 0
  let waitMs = 0
  let failure: string | undefined
  let overSinceMs: number | undefined
  let isGone = false
  const keys = streams.map((stream) => fileKey(name, run.path, stream))
  const opened = streams.map((stream, at) => openStream(keys[at] as string, stream))
  for (const [at, input] of opened.entries()) if (input) inputs.set(keys[at] as string, input)

  /** Undefined if all of it was read in a former life. */
  function openStream(key: string, stream: string): PlainInput | undefined {
    const stored = sink.position(key) as StoredFile | undefined
    if (stored?.over) return undefined
    const { source, file, state } = stored ?? {}
    const position: PlainPosition | undefined =
      source !== undefined && file && state ? { source, file, state } : undefined
    const input = openPlainFile({
      ...options,
      key,
      path: `${run.dir}/${stream}`,
      position,
      history: true,
      container: containerName(run),
      place: `${run.path}/${stream}`,
      follow: (of) =>
        openRemoteLog({
          ...of,
          base: stream,
          listing: () => listing,
          read: (file, offset, length) => files.read(`${run.dir}/${file}`, offset, length),
        }),
    })
    return {
      ...input,
      read: (buffer, nowMs) => readNow(input, buffer, nowMs),
      trouble: () => failure,
    }
  }

  /** A failure is told by `trouble`: it is the agent's, not the file's. */
  async function readNow(input: PlainInput, buffer: Buffer, nowMs: number): Promise<boolean> {
    try {
      await browse(nowMs)
      if (failure !== undefined && nowMs < dueMs) return false
      return await input.read(buffer, nowMs)
    } catch (error) {
      fail(error, nowMs)
      return false
    }
  }

  async function browse(nowMs: number): Promise<void> {
    if (isGone || nowMs < dueMs) return
    const found = await files.browse(run.dir)
    if (!found) return lose()
    const now = JSON.stringify(found.filter(({ name: file }) => /^std(out|err)/.test(file)))
    if (now !== before) changedMs = nowMs
    before = now
    listing = { files: found, atMs: nowMs }
    failure = undefined
    waitMs = 0
    dueMs = nowMs + Math.max(nowMs - changedMs < recentMs ? busyMs : idleMs, options.paceMs())
  }

  function fail(error: unknown, nowMs: number): void {
    if (!(error instanceof Trouble)) throw error
    failure = explain(error)
    waitMs = Math.min(backOffMs.last, waitMs * 2 || backOffMs.first)
    // What concerns the whole agent is held back there.
    dueMs = files.trouble() ? nowMs + busyMs : nowMs + waitMs
  }

  /** The sandbox was removed. */
  function lose(): void {
    isGone = true
    for (const input of opened) input?.gone()
  }

  const isOpen = (at: number) =>
    opened[at] !== undefined && inputs.get(keys[at] as string) === opened[at]

  function isComplete(input: PlainInput, nowMs: number): boolean {
    const sinceMs = Math.max(overSinceMs ?? nowMs, changedMs)
    const isSilent = nowMs - sinceMs >= overMs && input.readThrough() >= sinceMs + overMs
    return isSilent && input.caughtUp() && input.waitingSince() === undefined
  }

  /** Nothing more is written to it: it is not opened again. */
  function finish(at: number): void {
    const key = keys[at] as string
    const input = opened[at]
    if (input && isOpen(at)) {
      inputs.delete(key)
      input.close()
    }
    opened[at] = undefined
    put({ positions: { [key]: { ...(sink.position(key) as StoredFile | undefined), over: true } } })
  }

  return {
    run,
    update(nowMs, { isOver }) {
      if (isOver) overSinceMs ??= nowMs
      for (const [at, input] of opened.entries()) {
        if (!input) continue
        const isRead = isOpen(at) ? isOver && isComplete(input, nowMs) : true
        if (isRead) finish(at)
      }
      return opened.every((input) => input === undefined)
    },
  }
}

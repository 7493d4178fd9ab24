import { EventEmitter } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { buildCli } from '../../cli/index.ts'
import type { CliParts, Io } from '../../cli/parts.ts'
import { manualClock } from '../../pipeline/clock.ts'
import { openSqliteStoreForReading } from '../../pipeline/store/sqlite.ts'

/** 2026-11-22T18:30:00Z */
export const now = Date.UTC(2026, 10, 22, 18, 30)

/** A terminal that keeps what is printed; `run` is what a person types behind `mesoscope`. */
export function openTerminal(parts: Partial<CliParts> = {}) {
  const signals = new EventEmitter()
  const printed = { out: '', err: '', code: undefined as number | undefined, left: [] as number[] }
  const io: Io = {
    out: (text) => void (printed.out += text),
    err: (text) => void (printed.err += text),
    colors: false,
    env: {},
    clock: manualClock(now),
    onStop(listener) {
      signals.on('stop', listener)
      return () => signals.off('stop', listener)
    },
    onReload(listener) {
      signals.on('reload', listener)
      return () => signals.off('reload', listener)
    },
    exitWith: (code) => {
      printed.code = code
    },
    leave: (code) => void printed.left.push(code),
  }
  const notHere = async () => {
    throw new Error('this test starts nothing')
  }
  const all: CliParts = {
    version: '1.2.3',
    start: notHere,
    startDemo: notHere,
    openStoreReadOnly: async (dir) => openSqliteStoreForReading({ dir: join(dir, 'store') }),
    io,
    ...parts,
  }
  return {
    printed,
    io,
    stop: (signal = 'SIGINT') => signals.emit('stop', signal),
    reload: () => signals.emit('reload'),
    async run(...words: string[]) {
      Object.assign(printed, { out: '', err: '', code: undefined })
      await buildCli(all).parseAsync(words, { from: 'user' })
      return { ...printed }
    },
  }
}

export function directory(t: ExecutionContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'mesoscope-cli-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

/** What a running process leaves in its data directory. */
export function leaveAddress(dir: string, address: { url: string; token?: string }): void {
  writeFileSync(join(dir, 'process.json'), JSON.stringify({ pid: 1, ...address }))
}

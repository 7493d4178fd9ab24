import { createHash } from 'node:crypto'
import {
  closeSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Writers that know nothing of Mesoscope: they write Docker json-files by hand, with a rotation of their own, and
 * keep a ledger of every line, by container and number. What the store holds is counted against it.
 */
export interface Ledger {
  /** By container id: the time (ns) and level of each line, in the order of their numbers. */
  containers: Map<string, { service: string; lines: { ns: bigint; level: 'error' | 'info' }[] }>
}

export interface WriterOptions {
  root: string
  seed: number
  /** Lines a second of each container. */
  rate: number
  containers: number
  /** Number of the first service; 0 unless set. */
  first?: number
}

const rotateAtBytes = 200_000
const keptFiles = 50
/** Every so many lines one is too long for a single json-file record. */
const longEvery = 97
const partialBytes = 16_384

export function startWriters({ root, seed, rate, containers, first = 0 }: WriterOptions) {
  const ledger: Ledger = { containers: new Map() }
  const files = Array.from({ length: containers }, (_, i) =>
    openContainer(root, seed, first + i, ledger),
  )
  let failing: string | undefined
  let stopped = false

  async function write(): Promise<void> {
    const started = process.hrtime.bigint()
    let written = 0
    while (!stopped) {
      const due = (Number(process.hrtime.bigint() - started) / 1e9) * rate
      for (; written < due; written++) for (const file of files) file.line(file.service === failing)
      await sleep(5)
    }
  }

  const writing = write()
  return {
    ledger,
    services: files.map(({ service }) => service),
    /** From now on this service writes errors; undefined: none does. */
    fail(service: string | undefined) {
      failing = service
    },
    async stop() {
      if (stopped) return
      stopped = true
      await writing
      for (const file of files) file.close()
    },
  }
}

function openContainer(root: string, seed: number, index: number, ledger: Ledger) {
  const id = createHash('sha256').update(`${seed}/${index}`).digest('hex')
  const service = `/crash/s${index}`
  const dir = join(root, id)
  const path = join(dir, `${id}-json.log`)
  mkdirSync(dir, { recursive: true })
  writeFileSync(join(dir, 'config.v2.json'), JSON.stringify(config(id, service, path)))
  const lines: { ns: bigint; level: 'error' | 'info' }[] = []
  ledger.containers.set(id, { service, lines })
  let fd = openSync(path, 'a')
  let last = 0n

  function put(text: string): void {
    writeSync(fd, text)
    if (statSync(path).size < rotateAtBytes) return
    closeSync(fd)
    rmSync(`${path}.${keptFiles}`, { force: true })
    for (let n = keptFiles - 1; n >= 1; n--) tryRename(`${path}.${n}`, `${path}.${n + 1}`)
    renameSync(path, `${path}.1`)
    fd = openSync(path, 'a')
  }

  return {
    service,
    line(failing: boolean) {
      const number = lines.length
      const level = failing && number % 2 === 0 ? 'error' : 'info'
      const ns = BigInt(Date.now()) * 1_000_000n + (process.hrtime.bigint() % 1_000_000n)
      // Now and then two lines share their nanosecond: only their order tells them apart.
      last = number % 50 === 1 ? last : ns > last ? ns : last + 1n
      lines.push({ ns: last, level })
      const pad = number % longEvery === 0 ? 'x'.repeat(partialBytes + 100) : ''
      const text = `level=${level} number=${number} ${pad}end`
      for (const record of records(text, iso(last))) put(record)
    },
    close: () => closeSync(fd),
  }
}

/** As Docker writes them: pieces of 16 KiB with one time, the last one with the newline. */
function records(text: string, time: string): string[] {
  const pieces = []
  for (let at = 0; at < text.length; at += partialBytes)
    pieces.push(text.slice(at, at + partialBytes))
  return pieces.map(
    (piece, i) =>
      `${JSON.stringify({ log: i === pieces.length - 1 ? `${piece}\n` : piece, stream: 'stdout', time })}\n`,
  )
}

/** RFC 3339 as Go prints it: without trailing zeros. */
function iso(ns: bigint): string {
  const seconds = new Date(Number(ns / 1_000_000n)).toISOString().slice(0, 19)
  const fraction = (ns % 1_000_000_000n).toString().padStart(9, '0').replace(/0+$/, '')
  return fraction ? `${seconds}.${fraction}Z` : `${seconds}Z`
}

function tryRename(from: string, to: string): void {
  try {
    renameSync(from, to)
  } catch {
    // Not that many files yet.
  }
}

function config(id: string, service: string, path: string) {
  return {
    ID: id,
    Name: `/mesos-${id.slice(0, 8)}`,
    Config: {
      Env: [
        `MARATHON_APP_ID=${service}`,
        `MESOS_TASK_ID=${service.slice(1).replace('/', '_')}.${id.slice(0, 12)}`,
      ],
      Image: 'crash',
      Labels: {},
      Tty: false,
    },
    State: {
      Running: true,
      StartedAt: '2026-01-01T00:00:00Z',
      FinishedAt: '0001-01-01T00:00:00Z',
      ExitCode: 0,
    },
    LogPath: path,
    HostConfig: { LogConfig: { Type: 'json-file', Config: {} } },
  }
}

import { createHash } from 'node:crypto'
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Program } from './program.ts'
import { until } from './program.ts'

/** Docker's folders and json-files, written by hand: the tests know every byte of them. */
export interface Container {
  id: string
  dir: string
  /** The json-file. */
  path: string
  /** Bytes as they are. */
  raw(bytes: string | Uint8Array): void
  /** One line as Docker writes it, in records of 16 KiB. */
  line(text: string): void
}

export interface ContainerOptions {
  service?: string
  labels?: Record<string, string>
  name?: string
  /** `config.v2.json` as it is; null: none. */
  config?: string | null
}

export function openContainer(
  root: string,
  seed: string,
  options: ContainerOptions = {},
): Container {
  const id = createHash('sha256').update(seed).digest('hex')
  const dir = join(root, id)
  const path = join(dir, `${id}-json.log`)
  mkdirSync(dir, { recursive: true })
  const { service = `/bad/${seed}`, labels = {}, name = `/${seed}` } = options
  const config = options.config ?? JSON.stringify(describe(id, { service, labels, name, path }))
  if (options.config !== null) writeFileSync(join(dir, 'config.v2.json'), config)
  writeFileSync(path, '')
  const raw = (bytes: string | Uint8Array) => appendFileSync(path, bytes)
  return { id, dir, path, raw, line: (text) => raw(dockerLine(text)) }
}

function describe(
  id: string,
  { service, labels, name, path }: { service: string; labels: object; name: string; path: string },
) {
  return {
    ID: id,
    Name: name,
    Config: { Env: [`MARATHON_APP_ID=${service}`], Image: 'bad', Labels: labels, Tty: false },
    State: { Running: true, StartedAt: '2026-01-01T00:00:00Z', FinishedAt: '0001-01-01T00:00:00Z' },
    LogPath: path,
    HostConfig: { LogConfig: { Type: 'json-file', Config: {} } },
  }
}

let lastNs = 0n
/** The time now as Go prints it; never twice the same. */
export function timeNow(): string {
  const ns = BigInt(Date.now()) * 1_000_000n
  lastNs = ns > lastNs ? ns : lastNs + 1n
  const seconds = new Date(Number(lastNs / 1_000_000n)).toISOString().slice(0, 19)
  return `${seconds}.${(lastNs % 1_000_000_000n).toString().padStart(9, '0')}Z`
}

/** One json-file record; `log` with its newline. */
export function record(log: string, time = timeNow()): string {
  return `${JSON.stringify({ log, stream: 'stdout', time })}\n`
}

const pieceBytes = 16_384

/** A line of ASCII as Docker writes it: pieces of 16 KiB with one time. */
export function dockerLine(text: string): string {
  const time = timeNow()
  const whole = `${text}\n`
  let records = ''
  for (let at = 0; at < whole.length; at += pieceBytes) {
    records += record(whole.slice(at, at + pieceBytes), time)
  }
  return records
}

/** A healthy container that writes on and on; what it wrote must be searchable, whole and soon. */
export interface Neighbour {
  service: string
  /** Every line so far, and one more, is searchable, once, in order. */
  isWhole(program: Program): Promise<void>
  stop(): void
}

export function openNeighbour(root: string, seed = 'healthy', everyMs = 50): Neighbour {
  const service = `/good/${seed}`
  const container = openContainer(root, seed, { service })
  let written = 0
  const write = () => container.line(`level=info number=${written++} end`)
  const timer = setInterval(write, everyMs)
  return {
    service,
    stop: () => clearInterval(timer),
    async isWhole(program) {
      write()
      const wanted = written
      await until(`the ${wanted} lines of the healthy neighbour are searchable`, async () => {
        const lines = await program.lines(service)
        const numbers = lines.map(({ message }) => Number(/number=(\d+) end$/.exec(message)?.[1]))
        const wrong = numbers.findIndex((number, at) => number !== at)
        if (wrong >= 0)
          throw new Error(`line ${wrong} of the neighbour is number ${numbers[wrong]}`)
        return numbers.length >= wanted ? true : undefined
      })
    },
  }
}

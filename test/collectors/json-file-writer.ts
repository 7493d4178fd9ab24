import {
  appendFileSync,
  existsSync,
  mkdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { gzipSync } from 'node:zlib'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import type { Stream } from '../../pipeline/event.ts'

export interface WriterOptions {
  root: string
  id: string
  /** Rotate at this size; absent: never. */
  maxBytes?: number
  maxFiles?: number
  compress?: boolean
}

/** Writes a json-file as Docker does: current → .1 → .2, the oldest falls away. */
export function openJsonFileWriter({ root, id, maxBytes, maxFiles = 1, compress }: WriterOptions) {
  const folder = join(root, id)
  const path = join(folder, `${id}-json.log`)
  mkdirSync(folder, { recursive: true })
  let size = existsSync(path) ? statSync(path).size : 0

  function rotate() {
    const ending = compress ? '.gz' : ''
    for (let n = maxFiles - 1; n > 1; n--) {
      const from = `${path}.${n - 1}${ending}`
      if (existsSync(from)) renameSync(from, `${path}.${n}${ending}`)
    }
    if (maxFiles > 1) renameSync(path, `${path}.1`)
    writeFileSync(path, '')
    if (maxFiles > 1 && compress) {
      writeFileSync(`${path}.1.gz`, gzipSync(readFileSync(`${path}.1`)))
      rmSync(`${path}.1`)
    }
    size = 0
  }

  return {
    path,
    folder,
    write(log: string, time: string, stream: Stream = 'stdout') {
      if (maxBytes !== undefined && size > maxBytes) rotate()
      const line = `${JSON.stringify({ log, stream, time })}\n`
      appendFileSync(path, line)
      size += Buffer.byteLength(line)
    },
    rotate,
    config(config: Record<string, unknown>, hostConfig: Record<string, unknown> = {}) {
      writeFileSync(join(folder, 'hostconfig.json'), JSON.stringify(hostConfig))
      writeFileSync(`${join(folder, 'config.v2.json')}.tmp`, JSON.stringify({ ID: id, ...config }))
      renameSync(`${join(folder, 'config.v2.json')}.tmp`, join(folder, 'config.v2.json'))
    },
    remove: () => rmSync(folder, { recursive: true }),
  }
}

/** A time with as many digits as Docker writes: ns after 2026-11-22T18:00:00Z. */
export function timeAt(ns: number): string {
  const ms = Date.parse('2026-11-22T18:00:00Z') + Math.floor(ns / 1e6)
  const fraction = (ns % 1e9).toString().padStart(9, '0').replace(/0+$/, '')
  const second = new Date(ms).toISOString().slice(0, 19)
  return fraction === '' ? `${second}Z` : `${second}.${fraction}Z`
}

export const messageAt = (n: number) => `line ${n} ${'x'.repeat(n % 90)}`
export const idOf = (n: number) => n.toString(16).padStart(64, 'c0de')

interface BurstOptions extends WriterOptions {
  from: number
  count: number
  /** Every so many lines a line is written in two pieces. */
  partialEvery?: number
  stderrEvery?: number
  /** So many lines, then 1 ms of rest. */
  burst: number
}

/** Writes numbered lines from a thread of its own, at speed. */
export function writeInThread(options: BurstOptions): Promise<void> {
  const worker = new Worker(new URL(import.meta.url), { workerData: options })
  return new Promise((resolve, reject) => {
    worker.once('message', () => resolve())
    worker.once('error', reject)
  })
}

function writeBurst({
  from,
  count,
  partialEvery = 0,
  stderrEvery = 0,
  burst,
  ...options
}: BurstOptions) {
  const writer = openJsonFileWriter(options)
  const rest = new Int32Array(new SharedArrayBuffer(4))
  for (let n = from; n < from + count; n++) {
    const stream = stderrEvery > 0 && n % stderrEvery === 0 ? 'stderr' : 'stdout'
    const text = messageAt(n)
    // Three lines share a nanosecond now and then.
    const time = timeAt((n - (n % 3)) * 1000)
    if (partialEvery > 0 && n % partialEvery === 0) {
      writer.write(text.slice(0, 4), time, stream)
      writer.write(`${text.slice(4)}\n`, time, stream)
    } else writer.write(`${text}\n`, time, stream)
    if (n % burst === 0) Atomics.wait(rest, 0, 0, 1)
  }
}

if (!isMainThread && (workerData as BurstOptions | undefined)?.burst) {
  writeBurst(workerData as BurstOptions)
  parentPort?.postMessage('done')
}

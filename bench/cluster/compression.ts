import { parseArgs } from 'node:util'
import { constants, gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { compressSync, uncompressSync } from 'lz4-napi'
import { decodeBody } from '../../pipeline/record.ts'
import { makeRecords } from '../elasticsearch/lines.ts'

/*
 * What the codecs that Kafka knows make of our records: blocks of 256 lines in their final form, as collectors make them. Each
 * block is compressed by itself, in one thread, and no broker is needed. Of lz4 these are its blocks: the frames that Kafka
 * wants are some bytes longer, and this package opens them slowly (2.2 CPU-s a million lines), as others need not.
 *
 *   npm run bench:compression -- --lines 200000
 */
const { values } = parseArgs({ options: { lines: { type: 'string', default: '200000' } } })
const blocks = makeRecords(Number(values.lines), '2026-01-01').map((record) => decodeBody(record))
const lines = blocks.length * 256
const rounds = 3

interface Codec {
  name: string
  compress(block: Buffer): Buffer
  decompress(block: Buffer): Buffer
}

const zstd = (level: number): Codec => {
  const params = {
    [constants.ZSTD_c_compressionLevel]: level,
    [constants.ZSTD_c_checksumFlag]: 1,
  }
  return {
    name: `zstd ${level}`,
    compress: (block) => zstdCompressSync(block, { params, pledgedSrcSize: block.length }),
    decompress: (block) => zstdDecompressSync(block),
  }
}

const codecs: Codec[] = [
  { name: 'none', compress: (block) => block, decompress: (block) => block },
  {
    name: 'lz4',
    compress: (block) => compressSync(block),
    decompress: (block) => uncompressSync(block),
  },
  {
    name: 'gzip 6',
    compress: (block) => gzipSync(block),
    decompress: (block) => gunzipSync(block),
  },
  ...[1, 3, 6].map(zstd),
]

/** CPU-seconds a million lines; the least of some rounds, as the machine is not ours alone. */
function cost(work: () => void): number {
  const all = Array.from({ length: rounds }, () => {
    const before = process.cpuUsage()
    work()
    const { user, system } = process.cpuUsage(before)
    return (user + system) / lines
  })
  return Math.min(...all)
}

const row = (cells: readonly string[]) => void process.stdout.write(`| ${cells.join(' | ')} |\n`)

row(['codec', 'bytes a line', 'CPU-s a million lines to compress', 'to decompress'])
row(['---', '---', '---', '---'])
for (const { name, compress, decompress } of codecs) {
  const compressed = blocks.map(compress)
  const isSame = blocks.every((block, i) => decompress(compressed[i] as Buffer).equals(block))
  if (!isSame) throw new Error(`${name} does not give back what it was given`)
  const bytes = compressed.reduce((sum, one) => sum + one.length, 0)
  const there = cost(() => blocks.forEach(compress))
  const back = cost(() => compressed.forEach(decompress))
  row([name, (bytes / lines).toFixed(1), there.toFixed(2), back.toFixed(2)])
}

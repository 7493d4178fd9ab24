import { Trouble } from '../pipeline/errors.ts'

/**
 * Cuts a RecordIO stream into its records: a length in decimal digits, a newline, that many bytes. Lengths count
 * bytes, and records cross the chunks they come in. Returns the complete records of a chunk; throws a retryable
 * Trouble for what is no RecordIO, after which the stream cannot be understood any more.
 *
 * @example
 * const cut = openRecordIo()
 * cut(Buffer.from('5\nhel')) // []
 * cut(Buffer.from('lo3\nabc')) // [<hello>, <abc>]
 */
export function openRecordIo(maxBytes = 256 * 2 ** 20): (chunk: Uint8Array) => Buffer[] {
  /** Chunks of the record that is not complete; joined once, when it is. */
  let waiting: Buffer[] = []
  let waitingBytes = 0
  /** Of the record that is being collected; undefined while its length is. */
  let length: number | undefined

  function takeLength(data: Buffer): Buffer | undefined {
    const end = data.indexOf(newline)
    if (!isLength(data.subarray(0, end < 0 ? maxDigits + 1 : end))) throw noRecordIo(data)
    if (end < 0) return undefined
    length = Number(data.toString('latin1', 0, end))
    if (length > maxBytes) throw tooLong(length, maxBytes)
    return data.subarray(end + 1)
  }

  return (chunk) => {
    waiting.push(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength))
    waitingBytes += chunk.byteLength
    if (length !== undefined && waitingBytes < length) return []
    let data: Buffer | undefined = waiting.length === 1 ? waiting[0] : Buffer.concat(waiting)
    const records: Buffer[] = []
    while (data && data.length > 0) {
      if (length === undefined) {
        const rest = takeLength(data)
        if (!rest) break
        data = rest
      }
      if (length === undefined || data.length < length) break
      records.push(data.subarray(0, length))
      data = data.subarray(length)
      length = undefined
    }
    // A copy, so that the chunk it came in can go.
    waiting = data && data.length > 0 ? [Buffer.from(data)] : []
    waitingBytes = data?.length ?? 0
    return records
  }
}

const newline = 0x0a
const maxDigits = 12

function isLength(digits: Buffer): boolean {
  return digits.length > 0 && digits.length <= maxDigits && /^\d+$/.test(digits.toString('latin1'))
}

function noRecordIo(data: Buffer): Trouble {
  const start = JSON.stringify(data.toString('latin1', 0, 40))
  return new Trouble(`the stream of events is no RecordIO where it goes on with ${start}`, {
    remedy: 'is this the address of a Mesos master? It is tried again',
    retryable: true,
  })
}

function tooLong(length: number, maxBytes: number): Trouble {
  return new Trouble(`an event of ${length} bytes is announced, more than ${maxBytes}`, {
    remedy: 'is this the address of a Mesos master? It is tried again',
    retryable: true,
  })
}

import { readFileSync } from 'node:fs'
import { parseJson } from '../../pipeline/http.ts'

/** Of what a real Mesos 1.11 answered: `steady/master_tasks.json`. */
export function mesosFixture(name: string): unknown {
  return parseJson(mesosBytes(name).toString('utf8'))
}

export function mesosBytes(name: string): Buffer {
  return readFileSync(new URL(`../fixtures/mesos-1.11/${name}`, import.meta.url))
}

/** The body of a captured HTTP answer, without head and chunk framing. */
export function bodyOf(captured: Buffer): Buffer {
  const head = captured.indexOf('\r\n\r\n')
  const chunks: Buffer[] = []
  for (let at = head + 4; at < captured.length;) {
    const end = captured.indexOf('\r\n', at)
    const size = Number.parseInt(captured.toString('latin1', at, end), 16)
    chunks.push(captured.subarray(end + 2, end + 2 + size))
    at = end + 2 + size + 2
  }
  return Buffer.concat(chunks)
}

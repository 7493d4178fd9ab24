import { createHash } from 'node:crypto'
import { nsToIso, type LogDoc } from '../../pipeline/event.ts'
import { encodeRecord, type LogRecord } from '../../pipeline/record.ts'
import { singlesOf } from '../../pipeline/store/elasticsearch-pieces.ts'
import { partsOf } from '../../pipeline/store/elasticsearch-lines.ts'
import { openRandom } from '../../test/helpers/random.ts'
import { openMaker } from '../data.ts'

const containers = 16
const linesOfRecord = 256

/** Records of the bench's lines on one day, as collectors make them, in the order of time. */
export function makeRecords(count: number, day: string): LogRecord[] {
  const random = openRandom(20_261_122)
  const sources = Array.from({ length: containers }, (_, i) => ({
    id: createHash('sha256').update(`${i}`).digest('hex'),
    service: `/shop/service-${i % 8}`,
    task: `shop_service-${i % 8}.${i}`,
    make: openMaker(i % 4, random),
    sequence: 0,
    ns: BigInt(Date.parse(`${day}T00:00:00Z`)) * 1_000_000n + BigInt(i),
  }))
  return Array.from({ length: Math.ceil(count / linesOfRecord) }, (_, n) => {
    const source = sources[n % containers] as (typeof sources)[number]
    const docs = Array.from({ length: linesOfRecord }, (): LogDoc => {
      source.ns += BigInt(500_000 + Math.floor(random() * 2_000_000))
      const time = nsToIso(source.ns)
      return {
        '@timestamp': time,
        'log.level': random() < 0.9 ? 'info' : 'error',
        'event.id': `${source.id}:o:${source.ns}:0`,
        'event.sequence': source.sequence++,
        'log.iostream': 'stdout',
        message: source.make(time).text,
      }
    })
    const { id: container, service, task } = source
    const identity = {
      cluster: 'bench',
      service,
      task,
      container,
      agent: `agent-${n % 4}`,
      image: `${service.slice(1)}:1.0`,
    }
    return encodeRecord(docs, { source: `${container}:o`, lineage: 'bench', identity })
  })
}

/** How a bulk body names its documents. */
export type Ids = 'structured' | 'random' | 'automatic'

/** Bulk bodies of the same lines as the store sends, made beforehand. */
export function makeBodies(records: readonly LogRecord[], docs: number, ids: Ids): Buffer[] {
  const pieces = records.flatMap((record) => partsOf(record).map((part) => part.piece))
  const texts = singlesOf(pieces).map(({ bytes }) => bytes.toString('latin1'))
  const renamed = ids === 'structured' ? texts : texts.map((text) => rename(text, ids))
  return Array.from({ length: Math.ceil(texts.length / docs) }, (_, i) =>
    Buffer.from(renamed.slice(i * docs, (i + 1) * docs).join(''), 'latin1'),
  )
}

function rename(text: string, ids: Ids): string {
  const end = text.indexOf('\n')
  if (ids === 'automatic') return `{"create":{}}${text.slice(end)}`
  const hash = createHash('sha256').update(text.slice(0, end)).digest('base64url').slice(0, 27)
  return `{"create":{"_id":"${hash}"}}${text.slice(end)}`
}

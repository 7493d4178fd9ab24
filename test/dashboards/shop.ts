import {
  msToIso,
  type ChangeDoc,
  type DeadLetter,
  type Level,
  type LogDoc,
} from '../../pipeline/event.ts'
import { encodeRecord, type LogRecord } from '../../pipeline/record.ts'

/** One instance of a service that writes lines on demand, as a collector would hand them to the store. */
export function openInstance(service: string, task: string, container: string) {
  let sequence = 0
  const identity = {
    cluster: 'test',
    service,
    task,
    container,
    containerName: task.split('.')[0] as string,
    agent: 'agent-1',
    version: '2026-11-20T09:12:00.000Z',
    image: `registry.test${service}:1.4.2`,
    labels: { team: service.split('/')[1] ?? 'none' },
  }
  return {
    identity,
    /** A record of these lines, one ms after the other. */
    write(fromMs: number, lines: readonly (readonly [Level, string])[]): LogRecord {
      const docs = lines.map(([level, message], at): LogDoc => {
        const time = msToIso(fromMs + at)
        const id = `${container}:o:${BigInt(fromMs + at) * 1_000_000n}:0`
        return {
          '@timestamp': time,
          'log.level': level,
          'event.id': id,
          'event.sequence': sequence + at,
          'log.iostream': level === 'error' || level === 'fatal' ? 'stderr' : 'stdout',
          message,
        }
      })
      sequence += lines.length
      return encodeRecord(docs, { source: `${container}:o`, lineage: `${container}-1`, identity })
    },
  }
}

export function change(ms: number, fields: Partial<ChangeDoc> = {}): ChangeDoc {
  return {
    '@timestamp': msToIso(ms),
    'event.id': `change:container:${ms}`,
    'event.kind': 'container',
    'event.action': 'died',
    message: 'exit code 1',
    ...fields,
  }
}

export function deadLetter(ms: number): DeadLetter {
  return {
    '@timestamp': msToIso(ms),
    'event.id': `dead:docker:${ms}`,
    'event.kind': 'dead',
    reason: 'not a json-file record',
    origin: '4f0c-json.log at byte 8812',
    bytes: 120,
    sample: '{"log":"<b>half\u0000 a line',
  }
}

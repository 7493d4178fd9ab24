import { msToIso, type ChangeDoc, type DeadLetter } from '../pipeline/event.ts'
import { identityToEcs, type Identity } from '../pipeline/identity.ts'
import type { Gap } from './follow-file.ts'

/** A gap between two lines of one source, as far as it is known. */
export interface GapDetails extends Gap {
  /** What was read: a container or a file, part of the id. */
  source: string
  /** What to call it. */
  name: string
  /** Times (fixed-width ISO) of the last line before and the first one after. */
  lastTime: string | undefined
  firstTime: string | undefined
  identity: Identity
}

const sentences = {
  rotated: 'was rotated away or removed before all of it was read',
  truncated: 'was emptied; what was written shortly before may not have been read',
} as const

/** The change event of a gap; finding the same gap again replaces it. */
export function gapChange(gap: GapDetails, nowMs: number): ChangeDoc {
  const { cause, at, source, name, bytes, lastTime, firstTime } = gap
  const known = bytes === undefined ? '' : `, at least ${bytes} bytes`
  return {
    '@timestamp': firstTime ?? lastTime ?? msToIso(nowMs),
    'event.id': `change:gap:${source}:${at}`,
    'event.kind': 'gap',
    'event.action': cause,
    message: `${name} ${sentences[cause]}${known}: lines may be missing between ${lastTime ?? 'its beginning'} and ${firstTime ?? 'now'}`,
    ...(lastTime === undefined ? {} : { 'gap.last_read': lastTime }),
    ...(firstTime === undefined ? {} : { 'gap.first_available': firstTime }),
    ...(bytes === undefined ? {} : { 'gap.bytes': bytes }),
    ...identityToEcs(gap.identity),
  }
}

/** Of what went away with a read position in it: whatever was written behind that was not read. */
export function unreadChange(
  { at, lastTime, ...about }: Pick<GapDetails, 'at' | 'source' | 'name' | 'lastTime' | 'identity'>,
  nowMs: number,
): ChangeDoc {
  return gapChange({ ...about, cause: 'rotated', at, lastTime, firstTime: undefined }, nowMs)
}

export interface BadBytes {
  source: string
  path: string
  /** The place in the source, for the id, and the offset in the file, for a person. */
  place: number | string
  offset: number | string
  bytes: Buffer
  reason: string
  /** Of JSON-escaped latin1 text. */
  redact(escaped: string): string
}

const sampleBytes = 4096

/** The dead letter of bytes that are no record. */
export function deadLetter(bad: BadBytes, nowMs: number): DeadLetter {
  const { source, path, place, offset, bytes, reason, redact } = bad
  return {
    '@timestamp': msToIso(nowMs),
    'event.id': `dead:${source}:${place}`,
    'event.kind': 'dead',
    reason,
    origin: `${path} at byte ${offset}`,
    bytes: bytes.length,
    sample: sampleOf(bytes, redact),
  }
}

/** Secrets are replaced here as well; a piece of a damaged record is as good as a line. */
function sampleOf(bytes: Buffer, redact: BadBytes['redact']): string {
  const escaped = JSON.stringify(bytes.toString('latin1', 0, sampleBytes)).slice(1, -1)
  const redacted = redact(escaped)
  return JSON.parse(`"${redacted}"`) as string
}

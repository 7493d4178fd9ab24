import { createHash } from 'node:crypto'
import type { Level } from '../pipeline/event.ts'
import type { Identity } from '../pipeline/identity.ts'
import { openAssembler, type Assembler, type AssemblerState } from './assemble.ts'
import { validLatin1 } from './bytes.ts'
import { clean, withoutUnknown } from './docker-identity.ts'
import type { EventOptions } from './docker-streams.ts'
import { openLineTimes } from './line-time.ts'
import { openNanoseconds } from './nanoseconds.ts'
import { openPlausibleTime } from './plausible-time.ts'
import type { Collected, Sink } from './sink.ts'
import { levelOfSyslog, parseSyslog } from './syslog-message.ts'

export interface SyslogSourcesOptions extends EventOptions {
  name: string
  service: string
  retention?: string | undefined
  cluster?: string | undefined
  sink: Pick<Sink, 'position'>
}

/**
 * Senders: each application on each host is a source of its own, with a sequence of its own. Nobody numbers syslog messages, and none
 * comes twice by our doing: an id is the message's time and the count of messages with that very time.
 */
export interface SyslogSources {
  push(message: Buffer, peer: string, nowMs: number): void
  /** What is ready, with `force` everything; undefined where nothing is. */
  take(nowMs: number, force: boolean): Collected | undefined
}

interface Source {
  key: string
  assembler: Assembler<number>
}

/** Names come from the network: beyond so many, all others are one source of their sender's address. */
const mostSources = 10_000

// oxlint-disable-next-line no-control-regex -- these are what has to be escaped
const mustEscape = /["\\\x00-\x1f]/

export function openSyslogSources(options: SyslogSourcesOptions): SyslogSources {
  const { name, redactor } = options
  const sources = new Map<string, Source>()
  /** Something was pushed that was not taken. */
  const dirty = new Set<Source>()
  const toNanoseconds = openNanoseconds()
  /** Of the message that is being pushed: all of them are whole, so their events are made at once. */
  let severity = 5

  const level = (ofText: Level) => levelOfSyslog(severity, ofText)

  function sourceOf(host: string, app: string | undefined, facility: string): Source {
    const id = JSON.stringify([host, app, facility])
    const known = sources.get(id)
    if (known) return known
    const isOne = sources.size < mostSources
    const made = openSource(isOne ? id : JSON.stringify([host]), {
      task: isOne ? (app ?? host) : host,
      agent: host,
      ...(isOne ? { labels: { 'syslog.facility': facility } } : {}),
    })
    sources.set(isOne ? id : made.key, made)
    return made
  }

  function openSource(id: string, of: Identity): Source {
    const hash = createHash('sha256').update(`${name} ${id}`).digest('hex').slice(0, 24)
    const source = `syslog:${hash}`
    const key = `${name}:source:${hash}`
    const known = sources.get(key)
    if (known) return known
    const state = options.sink.position(key) as AssemblerState<number> | undefined
    const { cluster, service, retention } = options
    const assembler = openAssembler<number>({
      source,
      stream: 'stdout',
      identity: withoutUnknown({ cluster, service, retention, ...of }),
      eventId: (time, ordinal) => `${source}:${toNanoseconds(time)}:${ordinal}`,
      plausible: openPlausibleTime(),
      multiline: false,
      redact: redactor.redact,
      maxEventBytes: options.maxEventBytes,
      level,
      ...(state ? { state } : {}),
    })
    return { key, assembler }
  }

  return {
    push(bytes, peer, nowMs) {
      const line = validLatin1(bytes, 0, bytes.length)
      const message = parseSyslog(line)
      severity = message.severity
      const source = sourceOf(clean(message.host) ?? peer, clean(message.app), message.facility)
      const escaped = mustEscape.test(message.text)
        ? JSON.stringify(message.text).slice(1, -1)
        : message.text
      const found = redactor.scan(escaped)
      source.assembler.push(
        {
          // One for each message: a time that is none must not become that of the message before.
          time: openLineTimes().of(`${message.time ?? ''} `, nowMs),
          escaped,
          complete: true,
          suspect: found === 'every' || found.length > 0,
          begin: 0,
          end: 0,
        },
        nowMs,
      )
      dirty.add(source)
    },
    take(nowMs, force) {
      const collected: Required<Pick<Collected, 'records' | 'dead' | 'positions'>> = {
        records: [],
        dead: [],
        positions: {},
      }
      for (const source of dirty) {
        const { records, dead } = source.assembler.take(nowMs, force)
        if (source.assembler.waitingSince() === undefined) dirty.delete(source)
        if (records.length + dead.length === 0) continue
        collected.records.push(...records)
        collected.dead.push(...dead)
        collected.positions[source.key] = source.assembler.state()
      }
      return Object.keys(collected.positions).length > 0 ? collected : undefined
    },
  }
}

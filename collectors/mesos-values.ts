import { isObject, kindOf, type Part } from './answer.ts'

/*
 * The small values of Mesos' answers. Its old endpoints (v0) and the operator API (v1) write the same things in
 * different ways; both are read here, so that nobody above needs to know which one answered.
 */

/** An id as text (v0) or as `{value}` (v1); undefined for the empty one, which Mesos uses for "none". */
export function idOf(part: Part, ...keys: string[]): string | undefined {
  for (const key of keys) {
    if (!part.has(key)) continue
    if (typeof part.fields[key] === 'string') return part.text(key)
    if (isObject(part.fields[key])) return part.part(key)?.text('value')
    part.note(`expected an id, got ${kindOf(part.fields[key])}`, key)
    return undefined
  }
  return undefined
}

/** Years in which a time of Mesos can lie: 1990 to 2200. */
const plausibleNs = [631_152_000_000_000_000n, 7_258_118_400_000_000_000n] as const

/**
 * A time in ns since the epoch: seconds with a fraction (v0, exact to the microsecond, as Mesos writes them), or
 * `{nanoseconds}` (v1, exact also beyond 2^53). 0 is Mesos' "unset": undefined.
 */
export function timeOf(part: Part, ...keys: string[]): bigint | undefined {
  for (const key of keys) {
    if (!part.has(key)) continue
    const value = part.fields[key]
    const ns = isObject(value) ? wholeOf(value['nanoseconds']) : secondsOf(part.number(key))
    if (ns === undefined) {
      if (isObject(value)) part.note('expected {nanoseconds}', key)
      return undefined
    }
    if (ns === 0n) return undefined
    if (ns > plausibleNs[0] && ns < plausibleNs[1]) return ns
    part.note('is no time that can be', key)
    return undefined
  }
  return undefined
}

function wholeOf(value: unknown): bigint | undefined {
  if (typeof value === 'bigint') return value
  if (typeof value === 'number' && Number.isFinite(value)) return BigInt(Math.round(value))
  return typeof value === 'string' && /^\d{1,20}$/.test(value) ? BigInt(value) : undefined
}

function secondsOf(seconds: number | undefined): bigint | undefined {
  // Far from 2^53 microseconds, so no digit of Mesos' is lost.
  return seconds === undefined ? undefined : BigInt(Math.round(seconds * 1e6)) * 1000n
}

/** Labels as a list of `{key, value}` (v0) or nested once more (v1, and below `discovery`); a key may have no value. */
export function labelsOf(part: Part, key = 'labels'): Record<string, string> {
  const value = part.fields[key]
  const holder = isObject(value) ? part.part(key) : part
  const labels: Record<string, string> = Object.create(null) as Record<string, string>
  for (const label of holder?.parts(isObject(value) ? 'labels' : key) ?? []) {
    const name = label.text('key')
    if (name !== undefined) labels[name] = label.text('value') ?? ''
    else if (!label.has('key')) label.note('has no key')
  }
  return labels
}

/** The address of a process id as libprocess writes it. */
export interface PidAddress {
  /** `slave(1)`, `master`. */
  process: string
  /** An IPv6 address without its brackets. */
  host: string
  port: number
}

/**
 * Undefined for what is no pid.
 *
 * @example
 * pidAddress('slave(1)@[fd01::1]:5051') // { process: 'slave(1)', host: 'fd01::1', port: 5051 }
 */
export function pidAddress(pid: string): PidAddress | undefined {
  const match = /^([^@\s]+)@(?:\[([0-9a-fA-F:.%]+)\]|([\w.-]+)):(\d{1,5})$/.exec(pid)
  if (!match) return undefined
  const port = Number(match[4])
  const host = match[2] ?? match[3] ?? ''
  return port > 0 && port < 65_536 ? { process: match[1] as string, host, port } : undefined
}

/** `host:port` for an address bar: IPv6 in brackets again. */
export function hostAndPort({ host, port }: Pick<PidAddress, 'host' | 'port'>): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** `1.11.0` → [1, 11]; undefined for what is no version. */
export function versionOf(version: string | undefined): [major: number, minor: number] | undefined {
  const match = /^(\d{1,4})\.(\d{1,4})/.exec(version ?? '')
  return match ? [Number(match[1]), Number(match[2])] : undefined
}

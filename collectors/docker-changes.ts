import { isoToNs, msToIso, nsToIso, type ChangeDoc } from '../pipeline/event.ts'
import { identityToEcs, type Identity } from '../pipeline/identity.ts'
import { asObject } from './docker-identity.ts'
import { nameOf } from './docker-file.ts'

/** What was told of a container's life already; stored beside its read position. */
export interface Told {
  /** ns since the epoch, as text. */
  started?: string
  died?: string
  running?: boolean
}

/** How the container's process ended, as far as somebody knows. */
export interface Exit {
  code: number | undefined
  oomKilled: boolean
}

/**
 * The changes that `State` (of inspect or of config.v2.json) tells and that were not told before. Their ids are made
 * of Docker's own times, so that telling one again replaces it.
 */
export function lifeChanges(
  id: string,
  identity: Identity,
  state: unknown,
  told: Told,
): { changes: ChangeDoc[]; told: Told } {
  const { StartedAt, FinishedAt, Running, ExitCode, OOMKilled } = asObject(state)
  const started = nanoseconds(StartedAt)
  const finished = nanoseconds(FinishedAt)
  const running = Running === true
  const changes: ChangeDoc[] = []
  if (started !== undefined && started !== told.started) {
    changes.push(startedChange(id, identity, started))
  }
  // While it runs again its exit code is that of nobody.
  const code = !running && typeof ExitCode === 'number' ? ExitCode : undefined
  if (finished !== undefined && finished !== told.died) {
    changes.push(diedChange(id, identity, finished, { code, oomKilled: OOMKilled === true }))
  }
  const known: Told = { ...told, running }
  if (started !== undefined) known.started = started
  if (finished !== undefined) known.died = finished
  return { changes, told: known }
}

function startedChange(id: string, identity: Identity, ns: string): ChangeDoc {
  return {
    '@timestamp': nsToIso(BigInt(ns)),
    'event.id': `change:container:${id}:started:${ns}`,
    'event.kind': 'container',
    'event.action': 'started',
    message: `${nameOf(identity, id)} started`,
    ...identityToEcs(identity),
  }
}

/** `exit` undefined: the container was taken away before it could be asked. */
export function diedChange(
  id: string,
  identity: Identity,
  ns: string,
  exit: Exit | undefined,
): ChangeDoc {
  const { code, oomKilled = false } = exit ?? {}
  return {
    '@timestamp': nsToIso(BigInt(ns)),
    'event.id': `change:container:${id}:died:${ns}`,
    'event.kind': 'container',
    'event.action': 'died',
    message: `${nameOf(identity, id)} died, ${howItDied(code, oomKilled)}`,
    ...(code === undefined ? {} : { 'process.exit_code': code }),
    ...(oomKilled ? { 'container.oom_killed': true } : {}),
    ...identityToEcs(identity),
  }
}

function howItDied(code: number | undefined, oomKilled: boolean): string {
  const codeText = code === undefined ? 'exit code not known' : `exit code ${code}`
  const signal = code !== undefined && code > 128 && code < 160 ? ` (signal ${code - 128})` : ''
  return `${codeText}${signal}${oomKilled ? ', out of memory' : ''}`
}

/** ns since the epoch; undefined for Docker's "never" (year 1) and for what is no time. */
function nanoseconds(time: unknown): string | undefined {
  if (typeof time !== 'string' || time.startsWith('0001-')) return undefined
  const ns =
    isoToNs(time) ??
    (Number.isNaN(Date.parse(time)) ? undefined : isoToNs(msToIso(Date.parse(time))))
  return ns?.toString()
}

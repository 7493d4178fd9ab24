import type { ChangeDoc } from '../../pipeline/event.ts'
import { identityFromEcs, identityToEcs, type Identity } from '../../pipeline/identity.ts'
import { spokenBytes, spokenSeconds } from '../../pipeline/spoken.ts'
import { readIdentity } from '../identities.ts'
import { endingOf, exitCodeOf, idOf, isOutOfMemory, type Context, type Death } from './death.ts'
import type { DockerWord, StatusWord, Teller } from './piece.ts'

/** The change that tells of a death; `identity` is its identity, completed. */
export function docOf(death: Death, identity: Identity): ChangeDoc {
  const { docker, status, context } = death
  const oom = isOutOfMemory(death)
  return {
    '@timestamp': death.time,
    'event.id': idOf(death),
    'event.kind': 'task',
    'event.action': endingOf(death),
    message: sentenceOf(death, identity),
    ...known({
      'process.exit_code': exitCodeOf(death),
      'container.oom_killed': oom || undefined,
      // By Docker's word alone, of a process that was not the main one.
      'container.oom_killed_child': (docker?.oomKilled && !oom) || undefined,
      'container.finished_at': docker?.time,
      'container.memory.limit': context.memoryLimit,
      'container.memory.usage': context.memoryUsage,
      'task.state': status?.state,
      'task.state_at': status?.time,
      'task.reason': status?.reason,
      'task.message': status?.message,
      'task.source': status?.source,
      'task.unhealthy': death.unhealthy,
      'task.told_by': death.tellers,
      'task.uptime_seconds': context.uptimeSeconds,
      'task.last_lines': context.lastLines,
    }),
    ...identityToEcs(identity),
  }
}

function known(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
}

/** `/shop/web task 8c1f25aa… died: out of memory (exit code 137, limit 128 MiB), after 3 min` */
function sentenceOf(death: Death, { service }: Identity): string {
  const { uptimeSeconds } = death.context
  const after = uptimeSeconds === undefined ? '' : `, after ${spokenSeconds(uptimeSeconds)}`
  return `${service ?? ''} task ${shortName(death.name)} ${howItEnded(death)}${after}`.trimStart()
}

function howItEnded(death: Death): string {
  const ending = endingOf(death)
  const child = death.docker?.oomKilled && !isOutOfMemory(death)
  const note = child ? ' (a process in it, not its main one, was killed for memory)' : ''
  if (ending === 'killed') return `was killed on request${note}`
  if (ending === 'finished') return `finished${note}`
  return `died: ${causeOf(death)}`
}

function causeOf(death: Death): string {
  const { status, context } = death
  const code = exitCodeOf(death)
  const codeText = code === undefined ? undefined : `exit code ${code}`
  if (isOutOfMemory(death)) {
    const limit = context.memoryLimit && `limit ${spokenBytes(context.memoryLimit)}`
    return `out of memory${brackets([codeText, limit || undefined])}`
  }
  if (death.unhealthy !== undefined) {
    return `killed for failing health checks${brackets([death.unhealthy, codeText])}`
  }
  if (codeText !== undefined && (!status || status.state === 'TASK_FAILED')) {
    return `${codeText}${brackets([signalText(code), saysMore(status)])}`
  }
  if (!status) return 'exit code not known'
  return `${status.state}${brackets([codeText, status.message ?? status.reason])}`
}

function brackets(parts: (string | undefined)[]): string {
  const said = parts.filter((part) => part !== undefined && part !== '')
  return said.length === 0 ? '' : ` (${said.join(', ')})`
}

function signalText(code: number | undefined): string | undefined {
  return code !== undefined && code > 128 && code < 160 ? `signal ${code - 128}` : undefined
}

/** Most messages only say the exit code in other words. */
function saysMore(status: StatusWord | undefined): string | undefined {
  const message = status?.message
  return message && /exited with status|terminated with signal/.test(message) ? undefined : message
}

const uuid = /[0-9a-f]{8}(?=-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})/
const longName = 40

/** The beginning of its UUID tells a task from the others of its service. */
function shortName(name: string): string {
  const unique = uuid.exec(name)?.[0]
  if (unique !== undefined) return `${unique}…`
  return name.length > longName ? `${name.slice(0, longName).toWellFormed()}…` : name
}

const tellers: readonly Teller[] = ['docker', 'mesos', 'marathon']

/** A death as it was told of before. */
export interface Told {
  death: Death
  /** The change as it was written. */
  text: string
}

/** The inverse of {@link docOf}, as far as later pieces need it; undefined for a document that is no such change. */
export function toldIn(doc: Record<string, unknown>): Told | undefined {
  const death = deathIn(doc)
  return death && { death, text: JSON.stringify(doc) }
}

function deathIn(doc: Record<string, unknown>): Death | undefined {
  if (doc['event.kind'] !== 'task') return undefined
  const id = text(doc['event.id'])
  const time = text(doc['@timestamp'])
  const identity = readIdentity(identityFromEcs(doc))
  const name = id === undefined ? undefined : /^change:task:(.+):-?\d+$/s.exec(id)?.[1]
  if (name === undefined || time === undefined) return undefined
  const told = Array.isArray(doc['task.told_by']) ? doc['task.told_by'] : []
  const docker = dockerOf(doc, identity)
  const status = statusOf(doc, told)
  const unhealthy = doc['task.unhealthy']
  return {
    name,
    time,
    identity,
    ...(docker ? { docker } : {}),
    ...(status ? { status } : {}),
    ...(typeof unhealthy === 'string' ? { unhealthy } : {}),
    tellers: tellers.filter((teller) => told.includes(teller)).toSorted(),
    context: contextOf(doc),
  }
}

function dockerOf(
  doc: Record<string, unknown>,
  { container = '' }: Identity,
): DockerWord | undefined {
  const time = text(doc['container.finished_at'])
  if (time === undefined) return undefined
  const exitCode = number(doc['process.exit_code'])
  const oomKilled = doc['container.oom_killed'] === true
  return {
    container,
    time,
    ...(exitCode === undefined ? {} : { exitCode }),
    oomKilled: oomKilled || doc['container.oom_killed_child'] === true,
  }
}

function statusOf(doc: Record<string, unknown>, told: unknown[]): StatusWord | undefined {
  const state = text(doc['task.state'])
  if (state === undefined) return undefined
  const word: StatusWord = {
    teller: told.includes('mesos') ? 'mesos' : 'marathon',
    state,
    time: text(doc['task.state_at']) ?? text(doc['@timestamp']) ?? '',
  }
  for (const part of ['reason', 'message', 'source'] as const) {
    const value = text(doc[`task.${part}`])
    if (value !== undefined) word[part] = value
  }
  const exitCode = told.includes('docker') ? undefined : number(doc['process.exit_code'])
  return exitCode === undefined ? word : { ...word, exitCode }
}

function contextOf(doc: Record<string, unknown>): Context {
  const lines = doc['task.last_lines']
  return known({
    lastLines: Array.isArray(lines) ? lines.filter((line) => typeof line === 'string') : undefined,
    memoryUsage: number(doc['container.memory.usage']),
    memoryLimit: number(doc['container.memory.limit']),
    uptimeSeconds: number(doc['task.uptime_seconds']),
  })
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

function number(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined
}

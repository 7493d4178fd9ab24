import type { AlertAnswer, silenceAnswer } from '../dashboards/alertmanager/answers.ts'
import type { Answers } from '../dashboards/api.ts'
import { Trouble } from '../pipeline/errors.ts'
import type { DeskMatcher } from '../pipeline/notification-desk.ts'
import { isWithout, type Api } from './api.ts'
import { addDataOptions, withSource, type DataOptions } from './data-option.ts'
import type { CommandContext } from './parts.ts'
import { failure, misuse } from './report.ts'
import type { Command } from 'commander'

/* What commands ask of the part that notifies; its API is Alertmanager's. */

export type { AlertAnswer }
export type SilenceAnswer = ReturnType<typeof silenceAnswer>

export interface SilenceWish {
  matchers: DeskMatcher[]
  /** Both ms. */
  from: number
  to: number
  by: string
  comment: string
}

/** Runs with the API of a running Mesoscope. Throws Trouble where none runs. */
export function withApi<T>(
  options: DataOptions,
  context: CommandContext,
  use: (api: Api) => Promise<T>,
): Promise<T> {
  return withSource(options, context, async ({ api }) => {
    if (api) return use(api)
    throw failure(1, 'no Mesoscope is running there', 'start it with mesoscope run')
  })
}

/** The alerts that notifications are about, those of others too; undefined where this Mesoscope does not notify. */
export function toldAlerts(api: Api): Promise<AlertAnswer[] | undefined> {
  return unlessWithout(list<AlertAnswer>(api, '/api/v2/alerts'))
}

export function silences(api: Api): Promise<SilenceAnswer[]> {
  return list<SilenceAnswer>(api, '/api/v2/silences')
}

/** What a silence would mute now. */
export async function preview(
  api: Api,
  matchers: readonly DeskMatcher[],
): Promise<Answers['/api/silences/preview']> {
  return api.post('/api/silences/preview', { matchers })
}

/** Returns the id. */
export async function setSilence(api: Api, wish: SilenceWish): Promise<string> {
  const { silenceID } = await api.post<{ silenceID: string }>('/api/v2/silences', {
    matchers: wish.matchers,
    startsAt: new Date(wish.from).toISOString(),
    endsAt: new Date(wish.to).toISOString(),
    createdBy: wish.by,
    comment: wish.comment,
  })
  return silenceID
}

export function expireSilence(api: Api, id: string): Promise<void> {
  return api.delete(`/api/v2/silence/${encodeURIComponent(id)}`)
}

/** The options of what is done in somebody's name. */
export function addOwnerOptions(command: Command): Command {
  return addDataOptions(command)
    .option('--by <name>', 'who does this (default: your login)')
    .option('--json', 'as JSON')
    .option('--utc', 'times in UTC')
}

export interface OwnerOptions extends DataOptions {
  by?: string
  json?: boolean
  utc?: boolean
}

/** Whose name it is done in. Throws Trouble where nobody is named. */
export function ownerOf({ by }: OwnerOptions, { io: { env } }: CommandContext): string {
  const name = by ?? (env['USER'] || env['LOGNAME'] || env['USERNAME'] || '')
  if (name.trim() !== '') return name
  throw misuse('nobody is named who does this', 'give --by NAME')
}

async function list<T>(api: Api, path: string): Promise<T[]> {
  const answer = await api.get<T[] | null>(path)
  if (Array.isArray(answer)) return answer
  throw new Trouble(`${api.address.url}${path} answers something that is no list`)
}

async function unlessWithout<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked
  } catch (error) {
    if (isWithout(error)) return undefined
    throw error
  }
}

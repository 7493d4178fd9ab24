import type { Command } from 'commander'
import { silenceLength } from './arguments.ts'
import type { Api } from './api.ts'
import { addDataOptions, type DataOptions } from './data-option.ts'
import { harmless, harmlessJson } from './harmless.ts'
import { readMatchers, textOf } from './matchers.ts'
import { formatMoment } from './moment.ts'
import {
  addOwnerOptions,
  expireSilence,
  ownerOf,
  preview,
  setSilence,
  silences,
  withApi,
  type OwnerOptions,
  type SilenceAnswer,
} from './notifying.ts'
import type { AddCommand, CommandContext } from './parts.ts'
import { misuse, nothing } from './report.ts'
import { mutedTable } from './muted-table.ts'
import { table } from './table.ts'

interface AddOptions extends OwnerOptions {
  for: number
  comment: string
  dryRun?: boolean
}

interface ShowOptions extends DataOptions {
  json?: boolean
  utc?: boolean
}

interface ListOptions extends ShowOptions {
  all?: boolean
}

const addWords = `
A matcher is service=/web, alertname=~"Disk.*", team!=ops or env!~"dev|test", as amtool takes them; regular expressions (RE2)
match the whole value. A first word that is no matcher is an alert's name. All matchers must match. While an alert is silenced
nobody is told of it, and where it resolves meanwhile nobody is told of that either.`

export const addSilence: AddCommand = (program, context) => {
  const silence = program
    .command('silence')
    .description('mute alerts for a time, in your name; amtool works too')
  const list = silence
    .command('list', { isDefault: true })
    .description('silences that are active or to come (also without `list`)')
    .option('--all', 'and those that ended lately')
  addShowOptions(list).action((options: ListOptions) => listAll(options, context))
  const add = silence
    .command('add <matchers...>')
    .description('tells what it would mute, then mutes it')
    .requiredOption('--for <length>', 'for how long: 30m, 2h, 1d', silenceLength)
    .requiredOption('--comment <text>', 'why')
    .option('--dry-run', 'only tell what it would mute')
    .addHelpText('after', addWords)
  addOwnerOptions(add).action((words: string[], options: AddOptions) =>
    addOne(words, options, context),
  )
  const show = silence.command('show <id>').description('one silence, and what it mutes now')
  addShowOptions(show).action((id: string, options: ShowOptions) => showOne(id, options, context))
  const expire = silence
    .command('expire <id>')
    .description('ends it now; the beginning of the id is enough')
  addShowOptions(expire).action((id: string, options: ShowOptions) =>
    expireOne(id, options, context),
  )
}

function addShowOptions(command: Command): Command {
  return addDataOptions(command).option('--json', 'as JSON').option('--utc', 'times in UTC')
}

async function addOne(words: readonly string[], options: AddOptions, context: CommandContext) {
  const { io } = context
  const matchers = readMatchers(words)
  const by = ownerOf(options, context)
  const { comment, utc = false, json, dryRun } = options
  if (comment.trim() === '') throw misuse('why is it silenced?', 'give --comment TEXT')
  await withApi(options, context, async (api) => {
    const muted = await preview(api, matchers)
    if (!json) io.out(mutedTable(muted, dryRun ? 'would mute' : 'mutes', utc))
    if (dryRun) return json ? io.out(`${harmlessJson({ dry: true, muted })}\n`) : undefined
    const from = io.clock.now()
    const to = from + options.for
    const id = await setSilence(api, { matchers, from, to, by, comment })
    if (json) return io.out(`${harmlessJson({ id, endsAt: new Date(to).toISOString(), muted })}\n`)
    return io.out(
      `\nsilenced until ${formatMoment(to, utc)}, or mesoscope silence expire ${harmless(id)}\n`,
    )
  })
}

async function listAll(options: ListOptions, context: CommandContext): Promise<void> {
  const { io } = context
  const { all, utc = false, json } = options
  const known = await withApi(options, context, silences)
  const shown = known.filter(({ status }) => all || status.state !== 'expired')
  if (json) return io.out(`${harmlessJson({ silences: shown })}\n`)
  if (shown.length === 0) {
    return io.err(`mesoscope: no silence is ${all ? 'known' : 'active or to come'}\n`)
  }
  const rows = shown.map((one) => [
    one.id,
    one.status.state,
    formatMoment(Date.parse(one.endsAt), utc),
    one.createdBy,
    textOf(one.matchers),
    one.comment,
  ])
  return io.out(table(['ID', 'STATE', 'UNTIL', 'BY', 'MATCHERS', 'COMMENT'], rows))
}

async function showOne(id: string, options: ShowOptions, context: CommandContext) {
  const { io } = context
  const { utc = false, json } = options
  await withApi(options, context, async (api) => {
    const silence = await theSilence(id, api)
    const muted = await preview(api, silence.matchers)
    if (json) return io.out(`${harmlessJson({ silence, muted })}\n`)
    io.out(`${told(silence, utc)}\n`)
    const verbs = { active: 'mutes', pending: 'will mute', expired: 'would mute' }
    return io.out(mutedTable(muted, verbs[silence.status.state], utc))
  })
}

function told(silence: SilenceAnswer, utc: boolean): string {
  const moment = (iso: string) => formatMoment(Date.parse(iso), utc)
  const rows = [
    ['id', silence.id],
    ['state', silence.status.state],
    ['matchers', textOf(silence.matchers)],
    ['from', moment(silence.startsAt)],
    ['until', moment(silence.endsAt)],
    ['by', silence.createdBy],
    ['comment', silence.comment],
    ['changed', moment(silence.updatedAt)],
  ]
  return rows.map(([name = '', text = '']) => `${name.padEnd(9)} ${harmless(text)}\n`).join('')
}

async function expireOne(id: string, options: ShowOptions, context: CommandContext) {
  const { io } = context
  const silence = await withApi(options, context, async (api) => {
    const found = await theSilence(id, api)
    if (found.status.state !== 'expired') await expireSilence(api, found.id)
    return found
  })
  const { status, matchers, endsAt } = silence
  const before = status.state === 'expired'
  if (options.json) return io.out(`${harmlessJson({ id: silence.id, ended: !before })}\n`)
  const moment = formatMoment(Date.parse(endsAt), options.utc ?? false)
  const words = before ? `had ended already, ${moment}` : 'has ended'
  return io.out(`${harmless(silence.id)} ${words}: ${harmless(textOf(matchers))}\n`)
}

/** The silence whose id begins so. Throws Trouble where there is none, or several. */
async function theSilence(id: string, api: Api): Promise<SilenceAnswer> {
  const begin = id.toLowerCase()
  const found = (await silences(api)).filter((one) => one.id.startsWith(begin))
  const [first, ...others] = found
  const shown = id.slice(0, 60)
  if (!first) throw nothing(`no silence "${shown}"`, 'mesoscope silence list --all shows them')
  if (others.length === 0) return first
  throw misuse(`"${shown}" can mean ${found.length} silences`, 'give more of the id')
}

import { isoToMs } from '../pipeline/event.ts'
import type { PostMortem, TaskMatch } from '../pipeline/post-mortem/find.ts'
import { rowsOfPostMortem } from '../pipeline/post-mortem/words.ts'
import { addDataOptions, withSource, type DataOptions } from './data-option.ts'
import { harmless, harmlessJson, harmlessLines } from './harmless.ts'
import { formatMoment } from './moment.ts'
import type { AddCommand, CommandContext } from './parts.ts'
import { misuse, nothing } from './report.ts'
import { table } from './table.ts'

interface WhyOptions extends DataOptions {
  json?: boolean
  utc?: boolean
}

export const addTask: AddCommand = (program, context) => {
  const task = program.command('task').description('what became of a task')
  const why = task
    .command('why <id>')
    .description('why it ended: exit code, memory, deployment before it, last lines')
    .option('--json', 'as JSON')
    .option('--utc', 'times in UTC')
  addDataOptions(why).action((id: string, options: WhyOptions) => tellWhy(id, options, context))
}

async function tellWhy(id: string, options: WhyOptions, context: CommandContext): Promise<void> {
  const { io } = context
  const utc = options.utc ?? false
  const { postMortem, matches } = await withSource(options, context, (source) => source.why(id))
  if (matches.length === 0) {
    const remedy = 'mesoscope changes lists what ended; a task that runs has no end yet'
    throw nothing(`no task or container "${id.slice(0, 60)}" has ended`, remedy)
  }
  if (options.json) io.out(`${harmlessJson(postMortem ?? { matches })}\n`)
  else io.out(postMortem ? told(postMortem, utc) : listed(matches, utc))
  if (!postMortem) {
    throw misuse(`"${id.slice(0, 60)}" can mean ${matches.length} tasks`, 'give more of the id')
  }
}

function told(end: PostMortem, utc: boolean): string {
  const head = `${harmless(end.message)}\n${formatMoment(end.atMs, utc)}\n\n`
  const rows = rowsOfPostMortem(end).map(([name, text]) => `${name.padEnd(14)} ${harmless(text)}\n`)
  const lines = end.lines.map(({ time, message }) => {
    const at = time === undefined ? '' : `${formatMoment(isoToMs(time), utc)} `
    return `${at}${harmlessLines(message, '    ')}\n`
  })
  const title = lines.length > 0 ? `\nThe last ${lines.length} lines\n` : '\nNo lines are known.\n'
  return [head, ...rows, title, ...lines].join('')
}

function listed(matches: readonly TaskMatch[], utc: boolean): string {
  const rows = matches.map(({ task, service, atMs, message }) => [
    formatMoment(atMs, utc),
    service ?? '-',
    task,
    message,
  ])
  return table(['TIME', 'SERVICE', 'TASK', 'END'], rows)
}

import type { Answers } from '../dashboards/api.ts'
import { Trouble } from '../pipeline/errors.ts'
import { addDataOptions, withSource, type DataOptions } from './data-option.ts'
import { harmlessJson } from './harmless.ts'
import type { AddCommand, CommandContext } from './parts.ts'
import { exitCodes, failure } from './report.ts'
import { table } from './table.ts'

interface NotifyOptions extends DataOptions {
  json?: boolean
}

export const addNotify: AddCommand = (program, context) => {
  const notify = program
    .command('notify')
    .description('whether people are reached who are to be told of alerts')
  const test = notify
    .command('test [receiver]')
    .description(
      'tells a receiver (all, where none is named) that nothing is wrong, and what became of it',
    )
    .option('--json', 'as JSON')
  addDataOptions(test).action((receiver: string | undefined, options: NotifyOptions) =>
    run(receiver, options, context),
  )
}

async function run(receiver: string | undefined, options: NotifyOptions, context: CommandContext) {
  const { io } = context
  const { results } = await withSource(options, context, async ({ api }) => {
    if (!api) {
      throw new Trouble('only a running Mesoscope can tell anybody', {
        remedy: 'start it with mesoscope run, or name one elsewhere with --url',
      })
    }
    const asked = receiver === undefined ? {} : { receiver }
    return api.post<Answers['/api/notify/test']>('/api/notify/test', asked)
  })
  const failed = results.filter(({ outcome }) => outcome !== 'accepted')
  if (options.json) io.out(`${harmlessJson({ results })}\n`)
  else if (results.length === 0) io.err('mesoscope: there is nobody to tell\n')
  else {
    const rows = results.map(({ receiver: name, type, target, outcome, detail }) => [
      outcome,
      name,
      type,
      target,
      detail,
    ])
    io.out(table(['OUTCOME', 'RECEIVER', 'BY', 'TO', 'ANSWER'], rows))
  }
  if (failed.length === 0) return
  const count = `${failed.length} of ${results.length}`
  throw failure(exitCodes.failed, `${count} were not reached: correct their settings`)
}

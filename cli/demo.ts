import { wholeNumber } from './arguments.ts'
import { harmless } from './harmless.ts'
import type { AddCommand } from './parts.ts'
import { untilStopped } from './until-stopped.ts'

interface DemoCommandOptions {
  data: string
  port: number
  fresh?: boolean
}

const defaultData = '.mesoscope'

export const addDemo: AddCommand = (program, { io, startDemo }) => {
  program
    .command('demo')
    .description('a small cluster on this machine, and Mesoscope on it')
    .option('--data <dir>', 'directory of all state', defaultData)
    .option('--port <port>', 'port of the page; 0 takes a free one', wholeNumber(0, 65_535), 7080)
    .option('--fresh', 'empty that directory first')
    .action(async ({ data, port, fresh = false }: DemoCommandOptions) => {
      const say = (line: string) => io.out(`${harmless(line)}\n`)
      const started = () => startDemo({ data, port, fresh, say })
      await untilStopped(io, started, () => {})
    })
}

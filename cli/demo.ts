import type { Answers } from '../dashboards/api.ts'
import { Trouble } from '../pipeline/errors.ts'
import { openApi, type Api } from './api.ts'
import { wholeNumber } from './arguments.ts'
import { harmless } from './harmless.ts'
import type { AddCommand } from './parts.ts'
import { readAddress } from './source.ts'
import { table } from './table.ts'
import { untilStopped } from './until-stopped.ts'

interface DemoCommandOptions {
  data: string
  port: number
  fresh?: boolean
}

const defaultData = '.mesoscope'

export const addDemo: AddCommand = (program, { io, startDemo }) => {
  const demo = program
    .command('demo')
    .description('sample services on this machine, and Mesoscope on them')
    .option('--data <dir>', 'directory of all state', defaultData)
    .option('--port <port>', 'port of the page; 0 takes a free one', wholeNumber(0, 65_535), 7080)
    .option('--fresh', 'empty that directory first')
    .action(async ({ data, port, fresh = false }: DemoCommandOptions) => {
      const say = (line: string) => io.out(`${harmless(line)}\n`)
      const started = () => startDemo({ data, port, fresh, say })
      await untilStopped(io, started, () => {})
    })
  demo
    .command('fault')
    .description('break something in the running demo; without a name: what there is to break')
    .argument('[name]')
    .action(async (name: string | undefined) => {
      const { data } = demo.opts<DemoCommandOptions>()
      const api = runningDemo(data)
      if (name === undefined) return io.out(await listFaults(api))
      await api.post('/api/demo/faults', { name })
      io.out(`${harmless(name)}: done; see ${api.address.url}\n`)
    })
}

function runningDemo(data: string): Api {
  const address = readAddress(data)
  if (address) return openApi(address)
  throw new Trouble(`no demo is running on ${data}`, {
    remedy: 'start it with npm start or mesoscope demo, or name its directory with --data',
  })
}

async function listFaults(api: Api): Promise<string> {
  const { demo, faults } = await api.get<Answers['/api/demo/faults']>('/api/demo/faults')
  if (demo)
    return table(
      ['FAULT', 'WHAT IT DOES'],
      faults.map(({ name, sentence }) => [name, sentence]),
    )
  throw new Trouble(`what runs at ${api.address.url} is not the demo`, {
    remedy: 'start it with npm start or mesoscope demo',
  })
}

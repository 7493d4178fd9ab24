import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { errorCode, explain, Trouble } from '../pipeline/errors.ts'
import { isAway, openApi, type Address, type Api } from './api.ts'
import { wholeNumber } from './arguments.ts'
import { harmless } from './harmless.ts'
import type { AddCommand, PlaygroundView } from './parts.ts'
import { table } from './table.ts'
import { untilStopped } from './until-stopped.ts'

interface PlaygroundCommandOptions {
  data: string
  port: number
}

interface FaultCommandOptions {
  service?: string
  amount?: number
  seconds?: number
}

/** A fault as the control API tells of it. */
interface FaultRow {
  name: string
  description: string
  active: boolean
  services?: string[]
  amount?: { of: string; usual: number }
  seconds?: number | 'calm'
}

const defaultData = '.mesoscope'
const path = '/api/playground'

export const addPlayground: AddCommand = (program, { io, startPlayground }) => {
  const playground = program
    .command('playground')
    .description('a small cluster on this machine, in place of Mesos, Marathon and Docker')
    .option('--data <dir>', 'directory; everything is in its playground/', defaultData)
    .option(
      '--port <port>',
      'port of its control API; 0 takes a free one',
      wholeNumber(0, 65_535),
      0,
    )
    .action(async ({ data, port }: PlaygroundCommandOptions) => {
      if (!startPlayground) throw new Trouble('this program has no playground')
      const started = () => startPlayground({ dir: playgroundDirectory(data), port })
      await untilStopped(io, started, ({ view }) => io.out(introduction(view)))
    })
  playground
    .command('fault')
    .description('break something in a running playground; without a name: what there is to break')
    .argument('[name]')
    .option('--service <name>', 'which service; an id or a unique ending of it')
    .option('--amount <number>', 'how much, where the fault has an amount', wholeNumber(0, 1e9))
    .option('--seconds <number>', 'how long, where the fault lasts', wholeNumber(0, 86_400))
    .addHelpText('after', '\nThe playground is that of --data <dir> (.mesoscope).')
    .action(async (name: string | undefined, options: FaultCommandOptions) => {
      const { data } = playground.opts<PlaygroundCommandOptions>()
      const api = runningPlayground(data)
      if (name === undefined) return io.out(await listFaults(api, data))
      const request = { name, ...options }
      const { done } = await reached(api.post<{ done: string }>(`${path}/faults`, request), data)
      io.out(`${harmless(done)}\n`)
    })
}

const playgroundDirectory = (data: string) => join(data, 'playground')

function introduction(view: PlaygroundView): string {
  const rows: [string, string][] = [
    ...view.masters.map((url): [string, string] => ['Mesos master', url]),
    ...view.agents.map(({ hostname, url }): [string, string] => [`agent ${hostname}`, url]),
    ...view.agents.flatMap(({ hostname, ...agent }): [string, string][] => [
      [`Docker of ${hostname}`, agent.dockerSocket],
      ['  its containers', join(agent.dockerRoot, 'containers')],
      ['  work_dir', agent.workDir],
    ]),
    ...view.marathons.map((url): [string, string] => ['Marathon', url]),
    ['load balancer', view.balancer],
    ['mail catcher', `${view.mailCatcher.host}:${view.mailCatcher.port}`],
    ['control API', view.control],
  ]
  return `${table(['WHAT', 'WHERE'], rows)}\nmesoscope playground fault lists what can be broken; Ctrl-C ends it\n`
}

function runningPlayground(data: string): Api {
  const address = readPlayground(playgroundDirectory(data))
  if (address) return openApi(address)
  throw notRunning(data)
}

function notRunning(data: string, cause?: unknown): Trouble {
  return new Trouble(`no playground is running on ${data}`, {
    remedy: 'start it with npm start or mesoscope playground, or name its directory with --data',
    cause,
  })
}

/** What a running one left; undefined if there is none. */
function readPlayground(dir: string): Address | undefined {
  const file = join(dir, 'playground.json')
  try {
    const found = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown> | null
    const { control, token, pid } = found ?? {}
    if (typeof control !== 'string' || !/^http:\/\/127\.0\.0\.1:\d+$/.test(control))
      return undefined
    if (typeof token !== 'string') return undefined
    return { url: control, token, ...(typeof pid === 'number' && { pid }) }
  } catch (error) {
    const none = ['ENOENT', 'ENOTDIR'].includes(errorCode(error) ?? '')
    if (none || error instanceof SyntaxError) return undefined
    throw new Trouble(`cannot read ${file}: ${explain(error)}`, {
      remedy: 'run this as the user who runs the playground',
      cause: error,
    })
  }
}

/** One that was killed leaves its address behind. */
async function reached<T>(answer: Promise<T>, data: string): Promise<T> {
  try {
    return await answer
  } catch (error) {
    if (isAway(error) && errorCode((error as Trouble).cause) === 'ECONNREFUSED') {
      throw notRunning(data, error)
    }
    throw error
  }
}

async function listFaults(api: Api, data: string): Promise<string> {
  const { faults } = await reached(api.get<{ faults: FaultRow[] }>(`${path}/faults`), data)
  const rows = faults.map(({ name, description, active, services, amount, seconds }) => [
    active ? `${name} *` : name,
    services?.[0] ?? '',
    amount ? `${amount.of}: ${amount.usual}` : '',
    seconds === undefined ? '' : seconds === 'calm' ? 'until calm' : `${seconds} s`,
    description,
  ])
  const legend = '* goes on now\n'
  const list = table(['FAULT', 'USUALLY OF', 'AMOUNT', 'LASTS', 'WHAT IT DOES'], rows)
  return faults.some(({ active }) => active) ? list + legend : list
}

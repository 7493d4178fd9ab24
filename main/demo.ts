import { join } from 'node:path'
import type { DemoOptions, Running } from '../cli/parts.ts'
import { loadSettings } from '../config/load.ts'
import { pause, wallClock } from '../pipeline/clock.ts'
import { openLog } from '../pipeline/log.ts'
import { ownDirectory } from '../pipeline/owner.ts'
import { startPlayground, type Playground } from '../playground/demo.ts'
import { emptyDirectory, packageFile } from './files.ts'
import { start } from './start.ts'
import type { Extras } from './surfaces.ts'

/** Mesoscope over the playground. */
export async function startDemo({ data, port, fresh, say }: DemoOptions): Promise<Running> {
  await using stack = new AsyncDisposableStack()
  // Before anything in the directory is touched: another demo may be running on it.
  const owner = ownDirectory(data)
  if (fresh) emptyDirectory(data)
  const log = openLog('warn')
  const playground = await startPlayground({ dir: join(data, 'demo'), clock: wallClock, log })
  stack.defer(() => playground.close())
  const { settings } = loadSettings(packageFile('config/demo.yaml'), process.env, {
    data,
    listen: { port },
    collectors: { docker: [{ root: playground.containersRoot }] },
    mail: { host: playground.mailCatcher.host, port: playground.mailCatcher.port },
  })
  const options = {
    roles: ['collector', 'processor', 'alerting', 'dashboards'],
    fresh: false,
  } as const
  const running = await start(settings, options, demoExtras(playground), owner)
  stack.defer(() => running.close())
  const stop = new AbortController()
  stack.defer(() => stop.abort())
  introduce(running.url ?? '', data, playground, say)
  void tellMails(playground, say, stop.signal)

  const opened = stack.move()
  return { ...running, close: () => opened.disposeAsync() }
}

function demoExtras(playground: Playground): Extras {
  return {
    mails: () => playground.mails().map(({ to, ...mail }) => ({ ...mail, to: to.join(', ') })),
    faults: {
      list: () =>
        playground.faults().map(({ name, description }) => ({ name, sentence: description })),
      apply: (name) => playground.apply(name),
    },
  }
}

function introduce(
  url: string,
  data: string,
  playground: Playground,
  say: (line: string) => void,
): void {
  const services = [...Map.groupBy(playground.tasks(), ({ service }) => service)]
  say('Mesoscope runs on sample services: real processes, their output as Docker writes it.')
  say('')
  say(`  page      ${url}`)
  say(
    `  services  ${services.map(([service, tasks]) => `${service} (${tasks.length})`).join(', ')}`,
  )
  say('  read      npx mesoscope logs web -n 20       all instances; -f follows')
  say('  break it  npx mesoscope demo fault errors    an alert mail follows within half a minute')
  say(`  stop      Ctrl-C; ${data} keeps the state, --fresh empties it`)
  say('')
}

/** Each mail that the demo's catcher gets, one line. */
async function tellMails(
  playground: Playground,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  let told = playground.mails().length
  while (!signal.aborted) {
    await pause(500, signal)
    const mails = playground.mails()
    for (const mail of mails.slice(told)) say(`  mail      ${mail.subject}`)
    told = mails.length
  }
}

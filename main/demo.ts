import { join } from 'node:path'
import type { DemoOptions, Running } from '../cli/parts.ts'
import { roles } from '../cli/parts.ts'
import { loadSettings } from '../config/load.ts'
import { pause } from '../pipeline/clock.ts'
import { ownDirectory } from '../pipeline/owner.ts'
import type { Addresses } from '../playground/addresses.ts'
import type { ControlClient } from '../playground/control-client.ts'
import { spawnPlayground } from '../playground/spawn.ts'
import { packageFile } from '../pipeline/package-file.ts'
import { emptyDirectory } from './files.ts'
import { start } from './start.ts'
import type { Extras } from './surfaces.ts'

/** Mesoscope over the playground, which runs in a process of its own. */
export async function startDemo({ data, port, fresh, say }: DemoOptions): Promise<Running> {
  await using stack = new AsyncDisposableStack()
  // Before anything in the directory is touched: another demo may be running on it.
  const owner = ownDirectory(data)
  if (fresh) emptyDirectory(data)
  const playground = await spawnPlayground({ dir: join(data, 'playground') })
  stack.defer(() => playground.close())
  const { addresses, client } = playground
  const { settings } = loadSettings(packageFile('config/demo.yaml'), process.env, {
    data,
    listen: { port },
    ...settingsOf(addresses),
  })
  const running = await start(settings, { roles, fresh: false }, demoExtras(client), owner)
  stack.defer(() => running.close())
  const stop = new AbortController()
  stack.defer(() => stop.abort())
  introduce(running.url ?? '', data, addresses, say)
  void tellMails(client, say, stop.signal)

  const opened = stack.move()
  return { ...running, close: () => opened.disposeAsync() }
}

/** What stands in the settings of a site, for the cluster of the playground. */
function settingsOf({ masters, marathons, agents, mailCatcher }: Addresses) {
  return {
    collectors: {
      docker: agents.map(({ dockerRoot, dockerSocket }) => ({
        root: join(dockerRoot, 'containers'),
        socket: dockerSocket,
      })),
      mesos_sandbox: agents.map(({ workDir }) => ({ work_dir: workDir })),
      mesos_master: [{ urls: masters }],
      marathon: [{ urls: marathons }],
    },
    mail: mailCatcher,
  }
}

function demoExtras(client: ControlClient): Extras {
  return {
    mails: async () =>
      (await client.mails()).map(({ to, ...mail }) => ({ ...mail, to: to.join(', ') })),
    faults: {
      list: async () =>
        (await client.faults()).map(({ name, description }) => ({ name, sentence: description })),
      apply: (name) => client.apply({ name }),
    },
  }
}

function introduce(
  url: string,
  data: string,
  { masters, marathons }: Addresses,
  say: (line: string) => void,
): void {
  say('Mesoscope runs on a small cluster: real processes, as Mesos, Marathon and Docker run them.')
  say('')
  say(`  page      ${url}`)
  say(`  cluster   Mesos ${masters[0]}, Marathon ${marathons[0]}, two agents with Docker`)
  say('  read      npx mesoscope logs web -n 20              all instances; -f follows')
  say('  load      npx mesoscope playground fault load-step  instances follow within seconds')
  say('  why       npx mesoscope scale explain web           what the autoscaler decided, and why')
  say(
    '  break it  npx mesoscope playground fault oom        a mail tells what died, of what, its last lines',
  )
  say(`  stop      Ctrl-C; ${data} keeps the state, --fresh empties it`)
  say('')
}

/** Each mail that the playground's catcher gets, one line. */
async function tellMails(
  client: ControlClient,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const told = new Set<string>()
  while (!signal.aborted) {
    await pause(500, signal)
    const mails = await client.mails().catch(() => [])
    for (const { messageId, receivedAt, subject } of mails) {
      const key = `${messageId} ${receivedAt}`
      if (!told.has(key)) say(`  mail      ${subject}`)
      told.add(key)
    }
  }
}

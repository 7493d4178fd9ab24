import { wallClock } from '../pipeline/clock.ts'
import { explain } from '../pipeline/errors.ts'
import { openLog } from '../pipeline/log.ts'
import { startPlayground, type Playground } from './start.ts'
import type { FromChild, SpawnOptions } from './spawn.ts'

/*
 * The playground in a process of its own: `spawn.ts` starts it and tells it, over the IPC channel, what to open. It ends in
 * order when it is told to, and when that channel closes, which the death of its parent does as well.
 */

// Logs are nobody else's business: what we write is for this user alone.
process.umask(0o077)

const { promise: asked, resolve: begin } = Promise.withResolvers<SpawnOptions>()
const { promise: stopped, resolve: stop } = Promise.withResolvers<void>()
process.once('message', (options: SpawnOptions) => begin(options))
process.once('disconnect', () => stop())
// Ctrl-C in a terminal reaches the whole group; the parent ends us in its own time.
process.on('SIGINT', () => {})
process.on('SIGTERM', () => stop())

const log = openLog('warn')

function tell(message: FromChild): void {
  if (process.connected) process.send?.(message)
}

async function open(): Promise<Playground | undefined> {
  try {
    return await startPlayground({ ...(await asked), clock: wallClock, log })
  } catch (error) {
    tell({ kind: 'failed', message: explain(error) })
    return undefined
  }
}

const playground = await Promise.race([open(), stopped])
if (playground) {
  const { masters, agents, marathons, mailCatcher, balancer, control, token } = playground
  const addresses = { masters, agents, marathons, mailCatcher, balancer, control }
  tell({ kind: 'up', addresses, token })
  await stopped
  await playground.close()
}
// What is still being opened ends with us: its children see their channel close.
process.exit(playground ? 0 : 1)

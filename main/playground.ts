import type { PlaygroundStart, RunningPlayground } from '../cli/parts.ts'
import { wallClock } from '../pipeline/clock.ts'
import { openLog } from '../pipeline/log.ts'
import { startPlayground } from '../playground/start.ts'

/** The playground alone, in this process: whoever collects from it is another one. */
export async function playAlone({ dir, port }: PlaygroundStart): Promise<RunningPlayground> {
  const options = { dir, controlPort: port, clock: wallClock, log: openLog('warn') }
  const playground = await startPlayground(options)
  return { view: playground, close: playground.close }
}

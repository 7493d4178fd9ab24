import { worstLags, type Lag } from '../pipeline/health.ts'
import type { HealthView } from './api.ts'
import type { Context } from './server.ts'

type Healthy = Pick<Context, 'health' | 'processes'>

/** What has been written and not been read yet, over all processes, the worst first. */
export function lagsOf(context: Healthy): Lag[] {
  return worstLags(healths(context).flatMap(({ lags = [] }) => lags))
}

/** How far behind now what can be searched is; undefined where no process tells. */
export function indexBehind(context: Healthy): number | undefined {
  const seconds = healths(context).flatMap(({ components }) =>
    components.flatMap(({ name, behindSeconds }) =>
      name === 'index' ? (behindSeconds ?? []) : [],
    ),
  )
  return seconds.length === 0 ? undefined : Math.max(...seconds)
}

function healths({ health, processes }: Healthy): HealthView[] {
  return [health(), ...(processes?.() ?? []).map((process) => process.health)]
}

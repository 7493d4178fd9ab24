import type { Clock } from '../pipeline/clock.ts'
import { msToIso, type ChangeDoc } from '../pipeline/event.ts'
import type { Logger } from '../pipeline/log.ts'
import type { Metrics } from '../pipeline/metrics.ts'
import type { Problem } from './answer.ts'

export interface MisunderstoodOptions {
  /** Of the collector. */
  name: string
  cluster?: string | undefined
  clock: Clock
  metrics: Metrics
  log: Logger
}

export interface Misunderstood {
  /**
   * Counts what was not understood of an answer (`what`: `tasks`, `containers` …), and names each kind of it once: the
   * change is to be appended.
   */
  note(what: string, problems: readonly Problem[]): ChangeDoc[]
}

/** Of different complaints, for one collector: a hostile answer shall not fill the disk with them. */
const maxNamed = 100

export function openMisunderstood(options: MisunderstoodOptions): Misunderstood {
  const { name, cluster, clock, metrics, log } = options
  const named = new Set<string>()

  function change(what: string, { path, problem }: Problem): ChangeDoc[] {
    const place = path.replaceAll(/\[\d+\]/g, '[]')
    const key = `${what} ${place} ${problem}`
    if (named.has(key) || named.size >= maxNamed) return []
    named.add(key)
    const message = `${name}: ${what} at ${path}: ${problem}; the rest of the answer was used`
    log.warn({ collector: name, what, path, problem }, 'a part of an answer was not understood')
    return [
      {
        '@timestamp': msToIso(clock.now()),
        'event.id': `change:collector:${name}:misunderstood:${key}`.slice(0, 500),
        'event.kind': 'collector',
        'event.action': 'misunderstood',
        message: message.slice(0, 1000),
        ...(cluster === undefined ? {} : { 'orchestrator.cluster.name': cluster }),
      },
    ]
  }

  return {
    note(what, problems) {
      if (problems.length === 0) return []
      metrics.misunderstood_total.inc({ collector: name, what }, problems.length)
      return problems.flatMap((problem) => change(what, problem))
    },
  }
}

import { pause, type Clock } from '../../pipeline/clock.ts'
import { isoToMs } from '../../pipeline/event.ts'
import { openGate } from '../../pipeline/gate.ts'
import type { Identity } from '../../pipeline/identity.ts'
import type { MetricName } from '../../pipeline/metric-names.ts'
import type { Store } from '../../pipeline/store/store.ts'
import { within } from '../../pipeline/within.ts'
import { togetherMs, type Context, type Death } from './death.ts'
import { toldIn, type Told } from './doc.ts'
import { readStart } from './piece.ts'

export interface ContextOptions {
  store: Pick<Store, 'search' | 'samples' | 'docs'>
  /** All lines before this time are in the store, ms; undefined where that is not known yet. */
  linesThrough: () => number | undefined
  clock: Clock
  /** How long the last lines of a task are waited for, ms. */
  linesPatienceMs: number
  signal: AbortSignal
}

/** What the store can tell of a death. Nothing here throws: what is not found is left out. */
export interface ContextSource {
  /** Deaths of the task, told of before around this time. */
  earlier(name: string, time: string): Promise<Told[]>
  /** What is not known yet: last lines (waited for), memory, uptime. */
  gather(death: Death, identity: Identity): Promise<Context>
}

const answerMs = 3000
const restMs = 3000
const pollMs = 50
const lineCount = 20
const lineLength = 1000
const dayMs = 86_400_000
/** Older than this by its own time nothing is on its way any more. */
export const recentMs = 60_000
/** A start that keeps many deaths must not hold up the searches of people: they share the store's thread. */
const lookUpsAtOnce = 4

export function openContext(options: ContextOptions): ContextSource {
  const { store, linesThrough, clock, linesPatienceMs, signal } = options
  const gate = openGate(lookUpsAtOnce)
  let resting = false

  /** A store that does not answer is left alone for a while: many deaths must not wait for it one after the other. */
  function ask<T>(question: () => Promise<T>): Promise<T | undefined> {
    return gate(async () => {
      if (resting) return undefined
      try {
        return await within(question(), answerMs, signal)
      } catch {
        resting = true
        void pause(restMs, signal).then(() => (resting = false))
        return undefined
      }
    })
  }

  /** Until all lines written before the end of the task can be found. */
  async function linesAreThere(death: Death): Promise<void> {
    if (clock.now() - isoToMs(death.time) > recentMs) return
    for (let waited = 0; waited < linesPatienceMs && !signal.aborted; waited += pollMs) {
      if ((linesThrough() ?? -Infinity) > endOf(death)) return
      await pause(pollMs, signal)
    }
  }

  async function lastLines(death: Death, { service, task }: Identity) {
    const end = endOf(death)
    const page = await ask(() =>
      store.search({
        ...(service === undefined ? {} : { services: [service] }),
        ...(task === undefined ? {} : { task }),
        query: `${task === undefined ? 'container' : 'task'}:${quoted(death.name)}`,
        from: end - dayMs,
        to: end,
        limit: lineCount,
      }),
    )
    const lines = page?.hits.map(({ message }) => message.slice(0, lineLength).toWellFormed())
    return lines?.toReversed()
  }

  /** While it ran: what is measured after the end is nothing. */
  async function measured(death: Death, { task }: Identity, metric: MetricName) {
    if (task === undefined) return undefined
    const to = isoToMs(death.docker?.time ?? death.time)
    const range = { from: to - 10 * 60_000, to }
    const samples = await ask(() => store.samples({ task, metric, ...range, limit: 5 }))
    const values = (samples ?? []).map(({ metrics }) => metrics[metric])
    return values.find((value) => value !== undefined && value > 0)
  }

  async function uptime(death: Death, { service, task }: Identity): Promise<number | undefined> {
    if (task === undefined) return undefined
    const end = isoToMs(death.docker?.time ?? death.time)
    const docs = await ask(() =>
      store.docs('changes', {
        kinds: ['container', 'status'],
        ...(service === undefined ? {} : { services: [service] }),
        task,
        from: end - 7 * dayMs,
        to: end + 1,
      }),
    )
    const started = startIn(docs ?? [], death)
    return started === undefined ? undefined : (end - isoToMs(started)) / 1000
  }

  return {
    async earlier(name, time) {
      const at = isoToMs(time)
      const range = { from: at - togetherMs, to: at + togetherMs + 1 }
      const docs = await ask(() => store.docs('changes', { kinds: ['task'], task: name, ...range }))
      return (docs ?? []).flatMap((doc) => toldIn(doc) ?? [])
    },
    async gather(death, identity) {
      await linesAreThere(death)
      const { context } = death
      const [lines, memoryUsage, memoryLimit, uptimeSeconds] = await Promise.all([
        context.lastLines?.length ? context.lastLines : lastLines(death, identity),
        context.memoryUsage ?? measured(death, identity, 'container.memory.usage'),
        context.memoryLimit ?? measured(death, identity, 'container.memory.limit'),
        context.uptimeSeconds ?? uptime(death, identity),
      ])
      return {
        ...(lines === undefined ? {} : { lastLines: lines }),
        ...(memoryUsage === undefined ? {} : { memoryUsage }),
        ...(memoryLimit === undefined ? {} : { memoryLimit }),
        ...(uptimeSeconds === undefined ? {} : { uptimeSeconds }),
      }
    },
  }
}

/** Docker's own time is exact; a status comes a moment after the end. A container of the same name may start again. */
function endOf({ docker, time }: Death): number {
  return docker ? isoToMs(docker.time) + 50 : isoToMs(time) + 1000
}

/** That of its container, as Docker tells it; else the first time that Mesos or Marathon said it runs. */
function startIn(docs: readonly Record<string, unknown>[], { docker }: Death): string | undefined {
  const starts = docs.flatMap((doc) => readStart(doc) ?? [])
  const isOwn = (container: string | undefined) =>
    !docker || docker.container === '' || container === docker.container
  const own = starts.find(({ ofContainer, container }) => ofContainer && isOwn(container))
  return (own ?? starts.at(-1))?.time
}

function quoted(name: string): string {
  return `"${name.replace(/["\\]/g, '\\$&')}"`
}

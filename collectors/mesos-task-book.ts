import { nsToIso, type ChangeDoc } from '../pipeline/event.ts'
import type { Identity, ToldTask } from '../pipeline/identity.ts'
import { healthChange, isHistory, statusChange } from './mesos-changes.ts'
import type { TaskUpdate } from './mesos-events.ts'
import { taskIdentity, withContainer, type Surroundings } from './mesos-identity.ts'
import { marathonTask } from './mesos-task-id.ts'
import { containerOf, isEnded, type MesosStatus, type MesosTask } from './mesos-tasks.ts'
import { openTold, type Told } from './mesos-told.ts'
import { joined } from './joined.ts'
import type { Collected, Sink } from './sink.ts'

export interface TaskBookOptions {
  /** Of the collector. */
  name: string
  sink: Pick<Sink, 'position' | 'positions'>
  /** Of an agent's id and a framework's. */
  around(task: MesosTask): Surroundings
}

/**
 * All that a master has told of tasks, and what of it was told on: each identity when it is new or has changed, each
 * state once, also over restarts.
 */
export interface TaskBook {
  /**
   * Takes a list of tasks; by a `complete` one those that are not in it are forgotten, after a while. `patient`: what is new is told on only when a later list shows it still: meanwhile the
   * stream of events tells it with its reason.
   */
  list(
    tasks: readonly MesosTask[],
    how: { nowMs: number; patient: boolean; complete: boolean },
  ): Collected
  added(task: MesosTask, nowMs: number): Collected
  updated(update: TaskUpdate, nowMs: number): Collected
  size(): number
}

/** One task; an id that is used again is the same task in its next run. */
interface Known {
  /** In its last run. */
  task: MesosTask
  told: Told
  /** What was told of who it is. */
  identity: string
  /** Of runs before, what was told. */
  earlier: Set<string>
  healthy?: boolean | undefined
  seenMs: number
}

/** A task that no list has shown for so long is forgotten. */
const forgetMs = 15 * 60_000

export function openTaskBook({ name, sink, around }: TaskBookOptions): TaskBook {
  const known = new Map<string, Known>()
  const prefix = `${name}:task:`
  /** Positions of tasks that no list has shown yet, since the start. */
  const unseen = new Set(sink.positions(prefix))
  let unseenSinceMs: number | undefined
  /** Nothing was ever told: this is the first start, at this time. What is told late of later times is news. */
  const isFirst = unseen.size === 0
  let firstMs: number | undefined

  const keyOf = ({ framework = '', id }: MesosTask) => `${prefix}${framework}:${id}`

  function meet(task: MesosTask, nowMs: number): Known {
    const key = keyOf(task)
    unseen.delete(key)
    const entry = known.get(key) ?? {
      task,
      told: openTold(sink.position(key)),
      identity: '',
      earlier: new Set<string>(),
      seenMs: nowMs,
    }
    entry.seenMs = nowMs
    known.set(key, entry)
    return entry
  }

  function tellAll(entry: Known, run: MesosTask, nowMs: number, patient: boolean): ChangeDoc[] {
    const changes: ChangeDoc[] = []
    let hasEnded = false
    for (const status of run.statuses) {
      // A framework that goes makes its ended tasks "killed" once more: a task ends once.
      if (hasEnded && isEnded(status.state)) continue
      hasEnded ||= isEnded(status.state)
      if (patient && entry.told.isNew(status) && !entry.told.wasShown(status)) break
      changes.push(...tell(entry, run, status, nowMs))
    }
    return changes
  }

  function tell(entry: Known, run: MesosTask, status: MesosStatus, nowMs: number): ChangeDoc[] {
    const before = entry.healthy
    entry.healthy = status.healthy ?? before
    const verdict = entry.told.tell(status)
    firstMs ??= nowMs
    if (verdict === 'old' || (isFirst && isHistory(status.timeNs, firstMs))) return []
    const identity = taskIdentity(run, around(run))
    const of = { id: run.id, framework: run.framework, identity, runningNs: entry.told.runningNs() }
    if (verdict === 'new') return [statusChange(of, status, nowMs)]
    // Marathon tells the health of its own tasks.
    const isFlip = before !== undefined && status.healthy === !before && !marathonTask(run.id)
    return isFlip ? [healthChange(of, status, nowMs)] : []
  }

  /** Runs that only a list shows: their lines may still come. */
  function earlierOf({ earlier }: Known, runs: readonly MesosTask[]): ToldTask[] {
    return runs.flatMap((run) => {
      const told = toldOf(run, taskIdentity(run, around(run)))
      const text = JSON.stringify(told)
      if (earlier.has(text)) return []
      earlier.add(text)
      return [told]
    })
  }

  function collected(
    entry: Known,
    changes: ChangeDoc[],
    before: readonly MesosTask[] = [],
  ): Collected {
    const identity = taskIdentity(entry.task, around(entry.task))
    const text = JSON.stringify(identity)
    const isNew = text !== entry.identity
    entry.identity = text
    const position = entry.told.position()
    return {
      changes,
      // The newest last.
      tasks: [...earlierOf(entry, before), ...(isNew ? [toldOf(entry.task, identity)] : [])],
      identities: isNew ? withContainer([identity]) : [],
      ...(position ? { positions: { [keyOf(entry.task)]: position } } : {}),
    }
  }

  /** Only by a list that shows something: an empty one may be all that we have the right to see. */
  function forget(nowMs: number): Collected {
    const gone: string[] = []
    for (const [key, { seenMs }] of known) if (nowMs - seenMs >= forgetMs) gone.push(key)
    for (const key of gone) known.delete(key)
    unseenSinceMs ??= nowMs
    if (nowMs - unseenSinceMs >= forgetMs) {
      gone.push(...unseen)
      unseen.clear()
    }
    return { positions: Object.fromEntries(gone.map((key) => [key, null])) }
  }

  return {
    list(tasks, { nowMs, patient, complete }) {
      const batches = [...Map.groupBy(ordered(tasks), keyOf).values()].map((runs) => {
        const last = runs.at(-1) as MesosTask
        const entry = meet(last, nowMs)
        entry.task = completed(last, entry.task)
        return collected(
          entry,
          runs.flatMap((run) => tellAll(entry, run, nowMs, patient)),
          runs.slice(-maxEarlier - 1, -1),
        )
      })
      if (complete && tasks.length > 0) batches.push(forget(nowMs))
      return joined(batches)
    },
    added(task, nowMs) {
      const entry = meet(task, nowMs)
      entry.task = task
      entry.healthy = undefined
      return collected(entry, tellAll(entry, task, nowMs, false))
    },
    updated({ status, ...update }, nowMs) {
      const entry = meet({ ...update, statuses: [], labels: {} }, nowMs)
      const run = isOtherRun(entry.task, status) ? [] : entry.task.statuses
      // A list may have shown it already, without its reason.
      const before = run.filter((one) => !(status && isSameStatus(one, status)))
      const isAgain = isEnded(before.at(-1)?.state) && isEnded(status?.state)
      const statuses = [...before, ...(status ? [status] : [])].slice(-maxStatuses)
      entry.task = { ...entry.task, ...update, statuses }
      return collected(entry, status && !isAgain ? tell(entry, entry.task, status, nowMs) : [])
    },
    size: () => known.size,
  }
}

const maxStatuses = 50
/** So many earlier runs of one id are told of. */
const maxEarlier = 7

/** With the time of its first status, which is when it began. */
function toldOf({ statuses }: MesosTask, identity: Identity): ToldTask {
  const first = statuses.find(({ timeNs = 0n }) => timeNs > 0n)?.timeNs
  return first === undefined ? identity : { ...identity, since: nsToIso(first) }
}

function isSameStatus(a: MesosStatus, b: MesosStatus): boolean {
  return a.state === b.state && a.timeNs === b.timeNs
}

function isOtherRun(task: MesosTask, status: MesosStatus | undefined): boolean {
  const { container } = containerOf(task)
  return (
    container !== undefined && status?.container !== undefined && status.container !== container
  )
}

/**
 * Lists tell less than events, and may be older: they are read while events come. Within one run what is known stays, and
 * of the statuses those that reach further.
 */
function completed(task: MesosTask, before: MesosTask): MesosTask {
  const [now, then] = [containerOf(task).container, containerOf(before).container]
  if (now !== undefined && then !== undefined && now !== then) return task
  const isOlder = lastNs(task) < lastNs(before)
  return { ...before, ...task, ...(isOlder ? { statuses: before.statuses } : {}) }
}

const lastNs = ({ statuses }: MesosTask) => statuses.at(-1)?.timeNs ?? 0n

/** By the time of their first status, runs of one id thus one after the other. */
function ordered(tasks: readonly MesosTask[]): MesosTask[] {
  const first = ({ statuses }: MesosTask) => statuses[0]?.timeNs
  return tasks.toSorted((a, b) => {
    const [one, other] = [first(a), first(b)]
    if (one === undefined || other === undefined) return one === other ? 0 : one ? -1 : 1
    return Number(one - other)
  })
}

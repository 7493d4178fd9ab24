import { isObject } from './answer.ts'
import { isEnded, type MesosStatus } from './mesos-tasks.ts'

/** Which states of one task were told, kept over restarts. */
export interface Told {
  /** Remembers it. `new`: a state to be told; `same`: the state it had, told anew (by a health check); `old`: told. */
  tell(status: MesosStatus): 'new' | 'same' | 'old'
  isNew(status: MesosStatus): boolean
  /** Whether it was asked for before; remembers that it was. */
  wasShown(status: MesosStatus): boolean
  /** When the last run began to run, ns; undefined where that was not told. */
  runningNs(): bigint | undefined
  /** What is to be stored, if that has changed since the last call. */
  position(): unknown
}

/** Of one task; ids that are used again and again have no end. Older ones count as told. */
const maxKept = 24

interface Entry {
  state: string
  /** 0 where Mesos told no time. */
  timeNs: bigint
}

export function openTold(stored: unknown): Told {
  const { entries, ...read } = readPosition(stored)
  let { upToNs } = read
  let isChanged = false
  const shown = new Set<string>()

  const timeOf = ({ timeNs = 0n }: MesosStatus) => timeNs

  function wasTold(status: MesosStatus): boolean {
    const timeNs = timeOf(status)
    if (timeNs !== 0n && timeNs <= upToNs) return true
    return entries.some((entry) => entry.state === status.state && entry.timeNs === timeNs)
  }

  function insert(entry: Entry): 'new' | 'same' {
    const index = entries.findLastIndex(
      ({ timeNs }) => entry.timeNs === 0n || timeNs <= entry.timeNs,
    )
    const isSame = (at: number) => entries[at]?.state === entry.state && !isEnded(entry.state)
    // Of one state in a row the first says since when, and the last is what lists show.
    const replaced = isSame(index) && isSame(index - 1) ? 1 : 0
    const verdict = isSame(index) ? 'same' : 'new'
    entries.splice(index + 1 - replaced, replaced, entry)
    while (entries.length > maxKept) upToNs = (entries.shift() as Entry).timeNs
    return verdict
  }

  return {
    tell(status) {
      if (wasTold(status)) return 'old'
      isChanged = true
      shown.clear()
      return insert({ state: status.state, timeNs: timeOf(status) })
    },
    isNew: (status) => !wasTold(status),
    wasShown(status) {
      const key = `${status.state}@${timeOf(status)}`
      const was = shown.has(key)
      shown.add(key)
      return was
    },
    runningNs() {
      const lastEnd = entries.findLastIndex(
        ({ state }, i) => isEnded(state) && i < entries.length - 1,
      )
      const run = entries.slice(lastEnd + 1)
      return run.find(({ state, timeNs }) => state === 'TASK_RUNNING' && timeNs > 0n)?.timeNs
    },
    position() {
      if (!isChanged) return undefined
      isChanged = false
      const told = entries.map(({ state, timeNs }) => `${state}@${timeNs}`)
      return { told, ...(upToNs > 0n ? { upTo: String(upToNs) } : {}) }
    },
  }
}

/** What cannot be read was never told. */
function readPosition(stored: unknown): { upToNs: bigint; entries: Entry[] } {
  const { told, upTo } = isObject(stored) ? stored : {}
  const entries = (Array.isArray(told) ? told : []).flatMap((one: unknown): Entry[] => {
    const [, state, ns] = (typeof one === 'string' && /^(\w+)@(\d{1,20})$/.exec(one)) || []
    return state === undefined || ns === undefined ? [] : [{ state, timeNs: BigInt(ns) }]
  })
  const isDigits = typeof upTo === 'string' && /^\d{1,20}$/.test(upTo)
  return { entries, upToNs: isDigits ? BigInt(upTo) : 0n }
}

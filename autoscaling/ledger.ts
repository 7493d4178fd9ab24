import type { Bus, ProducedRecord, Topic } from '../pipeline/bus/bus.ts'
import type { Clock } from '../pipeline/clock.ts'
import type { Decision } from '../pipeline/decision.ts'
import type { ChangeDoc } from '../pipeline/event.ts'
import { killPoint } from '../pipeline/fault.ts'
import type { Identity } from '../pipeline/identity.ts'
import type { Metrics } from '../pipeline/metrics.ts'
import type { Patience } from '../pipeline/patience.ts'
import type { Journal } from './journal-writer.ts'
import { freshMemory, type ServiceMemory } from './memory.ts'
import { changeOf, decisionDoc, encode, erase } from './records.ts'
import { isTried, noted } from './turn.ts'

/** Recommendations that say the same as before are written again after so long: more is not lost by a kill, ms. */
const refreshEveryMs = 5000

export interface LedgerOptions {
  bus: Bus
  /** What an earlier process left. */
  memories: Map<string, ServiceMemory>
  journal: Journal
  /** Owner, runbook and so on of a service. */
  identityOf: (service: string) => Identity
  untilDone: Patience['untilDone']
  clock: Clock
  metrics: Metrics
}

/** What was decided and is remembered: in memory, and on the bus. */
export function openLedger(options: LedgerOptions) {
  const { bus, memories, journal, untilDone, clock, metrics } = options
  const latest = new Map<string, Decision>()
  const written = new Map<string, { shape: string; atMs: number }>()
  let pending = emptyBatch()
  let flushing: Promise<boolean> = Promise.resolve(true)

  function tell(decision: Decision) {
    const { service, outcome, reason } = decision
    const doc = decisionDoc(decision, options.identityOf(service))
    pending.decisions.push(encode(service, doc))
    if (isChange(decision)) pending.changes.push(encode(service, changeOf(doc)))
    metrics.scaling_decisions_total.inc({ outcome, reason })
  }

  function remember(memory: ServiceMemory) {
    const { service } = memory
    memories.set(service, memory)
    const last = written.get(service)
    const shape = shapeOf(memory)
    const atMs = clock.now()
    if (last && last.shape === shape && atMs - last.atMs < refreshEveryMs) return
    written.set(service, { shape, atMs })
    pending.scaling.set(service, encode(service, memory))
  }

  async function write({ decisions, changes, scaling }: Batch): Promise<boolean> {
    const produce = async (topic: Topic, records: readonly ProducedRecord[]) =>
      records.length === 0 || (await untilDone(() => bus.produce(topic, records)))
    const evaluations = journal.take()
    if (!(await produce('decisions', decisions))) return false
    if (!(await produce('changes', changes))) return false
    // What is told twice is one document; what was remembered and not told would be lost.
    if (changes.length > 0) killPoint('scale:before-state')
    if (!(await produce('scaling', [...scaling.values()]))) return false
    // Last of all: it says what was decided, not what was to be.
    return produce('evaluations', evaluations)
  }

  return {
    memoryOf: (service: string) => memories.get(service) ?? freshMemory(service),
    remembered: () => [...memories.values()],
    latest: (service: string) => latest.get(service),
    /** Takes what was decided and is to be remembered; it is on the bus after `flush`. */
    note(decision: Decision, memory: ServiceMemory) {
      latest.set(decision.service, decision)
      const { memory: after, isNews } = noted(decision, memory)
      if (isNews) tell(decision)
      remember(after)
    },
    /** Takes only what is to be remembered. */
    remember,
    forget(service: string) {
      memories.delete(service)
      latest.delete(service)
      written.delete(service)
      pending.scaling.set(service, erase(service))
    },
    /** What else happened to a service. */
    tellChange(service: string, doc: ChangeDoc) {
      pending.changes.push(encode(service, doc))
    },
    /** Another record of the topic `scaling`. */
    add(record: ProducedRecord) {
      pending.scaling.set(record.key, record)
    },
    /** One after the other; false when closed before all was on the bus. */
    flush(): Promise<boolean> {
      flushing = flushing.then(() => {
        const batch = pending
        pending = emptyBatch()
        return write(batch)
      })
      return flushing
    },
  }
}

export type Ledger = ReturnType<typeof openLedger>

interface Batch {
  decisions: ProducedRecord[]
  changes: ProducedRecord[]
  /** By key. */
  scaling: Map<string, ProducedRecord>
}

const emptyBatch = (): Batch => ({ decisions: [], changes: [], scaling: new Map() })

/** On the timeline stands what changed instances, or was to. */
const isChange = (decision: Decision) =>
  isTried(decision) || decision.reason === 'changed-meanwhile'

/** All but the times at which the same was found again. */
function shapeOf({ recommendations, idle, ...memory }: ServiceMemory): string {
  return JSON.stringify([recommendations.map(({ replicas }) => replicas), idle?.sinceTs, memory])
}

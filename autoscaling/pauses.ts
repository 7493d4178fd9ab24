import type { Bus } from '../pipeline/bus/bus.ts'
import type { Clock } from '../pipeline/clock.ts'
import type { Override } from '../pipeline/decision.ts'
import { explain } from '../pipeline/errors.ts'
import { msToIso, type ChangeDoc } from '../pipeline/event.ts'
import { identityToEcs, type Identity } from '../pipeline/identity.ts'
import type { Logger } from '../pipeline/log.ts'
import type { Patience } from '../pipeline/patience.ts'
import {
  allServices,
  pausesOn,
  scalingRequestKey,
  type ScalingPause,
} from '../pipeline/scaling-desk.ts'
import type { Journal } from './journal-writer.ts'
import type { Ledger } from './ledger.ts'
import type { ServiceMemory } from './memory.ts'
import { isOver, pauseWords } from './pause.ts'
import { encode, erase, pauseKey, requestsKey, type ScalingRecords } from './records.ts'
import { decodeRequest } from './requests.ts'
import { withoutOverride } from './turn.ts'
import { quoted } from './words.ts'

export interface PausesOptions {
  bus: Pick<Bus, 'read'>
  ledger: Pick<Ledger, 'add' | 'tellChange' | 'flush' | 'memoryOf' | 'remember'>
  journal: Pick<Journal, 'note'>
  /** What an earlier process left. */
  records: Pick<ScalingRecords, 'pauses' | 'requests'>
  identityOf: (service: string) => Identity
  patiently: Patience['patiently']
  clock: Clock
  log: Logger
}

const readLimits = { maxBytes: 1 << 20 }
/** After so many requests that were others' it is written how far it came. */
const othersAtMost = 1000

/** The pauses that stand, as people ask for them and as they end. */
export function openPauses(options: PausesOptions) {
  const { bus, ledger, journal, records, identityOf, clock, log } = options
  const pauses = new Map(records.pauses.map((pause) => [pause.service, pause]))
  let position = records.requests ?? 0
  let written = position

  function begin(pause: ScalingPause) {
    const known = pauses.get(pause.service)
    if (isOver(pause, clock.now()) || known?.id === pause.id) return
    pauses.set(pause.service, pause)
    ledger.add(encode(pauseKey(pause.service), pause))
    tell(pause, 'paused', pause.fromMs, `scaling is ${pauseWords(pause)}`)
  }

  function end(pause: ScalingPause, action: 'resumed' | 'pause-ended', ms: number, said: string) {
    pauses.delete(pause.service)
    ledger.add(erase(pauseKey(pause.service)))
    tell(pause, action, ms, said)
  }

  function tell(pause: ScalingPause, action: string, ms: number, message: string) {
    const { id, service, direction, by, reason, untilMs } = pause
    tellChange(service, ms, {
      'event.id': `change:scaling:pause:${id}:${action}`,
      'event.action': action,
      message,
      'scaling.pause.by': by,
      'scaling.pause.direction': direction,
      'scaling.pause.reason': reason,
      'scaling.pause.until': msToIso(untilMs),
    })
  }

  function tellChange(
    service: string,
    ms: number,
    told: Pick<ChangeDoc, 'event.id' | 'event.action' | 'message'> & Record<string, string>,
  ) {
    const isAll = service === allServices
    ledger.tellChange(service, {
      '@timestamp': msToIso(ms),
      'event.kind': 'scaling',
      ...told,
      ...identityToEcs({ ...identityOf(service), ...(isAll ? {} : { service }) }),
    })
  }

  /** Instances that were set by hand are scaled again. */
  function release(memory: ServiceMemory, { from, instances, sinceMs }: Override, by: string) {
    const { service } = memory
    journal.note({ kind: 'released', service })
    ledger.remember(withoutOverride(memory))
    tellChange(service, clock.now(), {
      'event.id': `change:scaling:override:${service}:${sinceMs}:resumed`,
      'event.action': 'resumed',
      message: `scaling goes on: ${quoted(by, 100)} resumed it, though its instances were set from ${from} to ${instances} by hand`,
    })
  }

  function takeOne(value: Uint8Array) {
    const request = decodeRequest(value)
    if (request.kind === 'pause') return begin(request.pause)
    const { service, by } = request
    const memory = ledger.memoryOf(service)
    if (memory.override) release(memory, memory.override, by)
    const pause = pauses.get(service)
    if (pause) end(pause, 'resumed', clock.now(), `scaling goes on: ${quoted(by, 100)} resumed it`)
  }

  /** Whether there were any of ours. */
  async function takeAll(): Promise<boolean> {
    for (let isTaken = false; ;) {
      const batch = await options.patiently(() => bus.read('requests', 0, position, readLimits))
      if (!batch) return isTaken
      if (batch.from > position && position > 0) {
        log.warn({ from: position, to: batch.from }, 'requests were trimmed before they were taken')
      }
      position = batch.next
      const ours = batch.records.filter(({ key }) => key === scalingRequestKey)
      for (const { offset, value } of ours) {
        try {
          takeOne(value)
        } catch (error) {
          log.warn({ offset, reason: explain(error) }, 'a request was refused')
        }
      }
      isTaken ||= ours.length > 0
      if (position >= batch.end) return isTaken
    }
  }

  function endThoseOver(): boolean {
    const over = [...pauses.values()].filter((pause) => isOver(pause, clock.now()))
    for (const pause of over) {
      const said = `scaling goes on: the pause by ${quoted(pause.by, 100)} is over`
      end(pause, 'pause-ended', pause.untilMs, said)
    }
    return over.length > 0
  }

  return {
    /** Takes what was asked for meanwhile, and ends what is over. What came of it is on the bus when it resolves. */
    async take(): Promise<void> {
      const isTaken = await takeAll()
      const isEnded = endThoseOver()
      if (!isTaken && !isEnded && position - written < othersAtMost) return
      written = position
      ledger.add(encode(requestsKey, { v: 1, position }))
      await ledger.flush()
    },
    on: (service: string) => pausesOn(service, [...pauses.values()]),
  }
}

export type Pauses = ReturnType<typeof openPauses>

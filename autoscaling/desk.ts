import { randomUUID } from 'node:crypto'
import { askFor } from '../pipeline/asked.ts'
import type { Bus, BusRecord } from '../pipeline/bus/bus.ts'
import type { Clock } from '../pipeline/clock.ts'
import type { Override } from '../pipeline/decision.ts'
import type { ScalingDesk, ScalingPause } from '../pipeline/scaling-desk.ts'
import { withoutUndefined } from '../pipeline/without-undefined.ts'
import { decodeMemory } from './memory.ts'
import { isOver } from './pause.ts'
import { decodeAll, pauseKey } from './records.ts'
import { encodeRequest, type ScalingRequest } from './requests.ts'

export interface ScalingDeskOptions {
  bus: Pick<Bus, 'produce'>
  /** What stands on the topic `scaling`. */
  latest: () => ReadonlyMap<string, BusRecord>
  clock: Clock
  /** How long to wait for who scales, ms; 10 s unless set. */
  patienceMs?: number
}

/** The pauses, for any process; what is asked for goes to the one that scales, by the topic `requests`. */
export function openScalingDesk(options: ScalingDeskOptions): ScalingDesk {
  const { bus, latest, clock, patienceMs: waitMs = 10_000 } = options

  const ask = (request: ScalingRequest, holds: () => boolean) =>
    askFor(encodeRequest(request), { bus, holds, waitMs, role: 'autoscaling' })

  function pauseOf(service: string): ScalingPause | undefined {
    const record = latest().get(pauseKey(service))
    return record && decodeAll(new Map([[record.key, record]])).pauses[0]
  }

  function overrideOf(service: string): Override | undefined {
    const record = latest().get(service)
    return record && decodeMemory(service, record.value)?.override
  }

  return {
    pauses() {
      const standing = [...latest()].filter(([key]) => key.startsWith(pauseKey('')))
      return decodeAll(new Map(standing)).pauses.filter((pause) => !isOver(pause, clock.now()))
    },
    async pause({ forMs, ...wish }) {
      const fromMs = clock.now()
      const pause = { ...wish, id: randomUUID(), fromMs, untilMs: fromMs + forMs }
      await ask({ kind: 'pause', pause }, () => pauseOf(pause.service)?.id === pause.id)
      return pause
    },
    async resume(service, by) {
      const standing = pauseOf(service)
      const pause = standing && !isOver(standing, clock.now()) ? standing : undefined
      const override = overrideOf(service)
      if (!pause && !override) return {}
      await ask({ kind: 'resume', service, by }, () => {
        const isPaused = pause !== undefined && pauseOf(service)?.id === pause.id
        const { sinceMs } = overrideOf(service) ?? {}
        return !isPaused && (override === undefined || sinceMs !== override.sinceMs)
      })
      return withoutUndefined({ pause, override })
    },
  }
}

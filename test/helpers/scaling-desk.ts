import type { Clock } from '../../pipeline/clock.ts'
import type { Override } from '../../pipeline/decision.ts'
import { Trouble } from '../../pipeline/errors.ts'
import type { ScalingDesk, ScalingPause } from '../../pipeline/scaling-desk.ts'
import { withoutUndefined } from '../../pipeline/without-undefined.ts'

export interface MemoryScalingDesk extends ScalingDesk {
  /** Nobody takes what is asked for. */
  isAway: boolean
  /** By service, what was set by hand. */
  overrides: Map<string, Override>
}

/** Keeps pauses in memory, and scales nothing. */
export function memoryScalingDesk(clock: Clock): MemoryScalingDesk {
  const all = new Map<string, ScalingPause>()
  const desk: MemoryScalingDesk = {
    isAway: false,
    overrides: new Map(),
    pauses: () => [...all.values()].filter(({ untilMs }) => untilMs > clock.now()),
    async pause({ forMs, ...wish }) {
      if (desk.isAway) throw new Trouble('nobody has taken it yet', { retryable: true })
      const fromMs = clock.now()
      const pause = { ...wish, id: `p${all.size + 1}`, fromMs, untilMs: fromMs + forMs }
      all.set(wish.service, pause)
      return pause
    },
    async resume(service) {
      const pause = desk.pauses().find((one) => one.service === service)
      all.delete(service)
      const override = desk.overrides.get(service)
      desk.overrides.delete(service)
      return withoutUndefined({ pause, override })
    },
  }
  return desk
}

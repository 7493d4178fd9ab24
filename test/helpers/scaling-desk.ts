import type { Clock } from '../../pipeline/clock.ts'
import { Trouble } from '../../pipeline/errors.ts'
import type { ScalingDesk, ScalingPause } from '../../pipeline/scaling-desk.ts'

export interface MemoryScalingDesk extends ScalingDesk {
  /** Nobody takes what is asked for. */
  isAway: boolean
}

/** Keeps pauses in memory, and scales nothing. */
export function memoryScalingDesk(clock: Clock): MemoryScalingDesk {
  const all = new Map<string, ScalingPause>()
  const desk: MemoryScalingDesk = {
    isAway: false,
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
      return pause
    },
  }
  return desk
}

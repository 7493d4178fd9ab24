import type { Shape } from './shapes.ts'

/** A load on real processes, as the playground's visitors bring it: first as usual, then in waves, then as usual again. */
export interface LiveShape {
  name: string
  /** Of the playground. */
  fault: string
  /** Requests a second at the top. */
  top: number
  /** When a wave begins, s. */
  waves: readonly number[]
  waveSeconds: number
  seconds: number
  plateau?: Shape['plateau']
}

/** Requests a second as usual: of two instances each has just its target. */
export const base = 30
const top = 105
const leadSeconds = 60

/** Long enough that windows of five minutes show; `scale` makes loads shorter, but no window of a scaler. */
export function liveShapes(scale: number): LiveShape[] {
  const s = (seconds: number) => Math.max(2, Math.round(seconds * scale))
  const lead = s(leadSeconds)
  const spike = s(600)
  return [
    {
      name: 'step',
      fault: 'load-step',
      top,
      waves: [lead],
      waveSeconds: s(270),
      seconds: s(720),
      plateau: { from: lead, to: lead + s(270) },
    },
    {
      name: 'ramp',
      fault: 'load-ramp',
      top,
      waves: [lead],
      waveSeconds: s(400),
      seconds: s(840),
      plateau: { from: lead + Math.round(s(400) / 2), to: lead + s(400) },
    },
    {
      name: 'sine',
      fault: 'load-sine',
      top,
      waves: [lead, lead + s(360)],
      waveSeconds: s(360),
      seconds: lead + 2 * s(360),
    },
    {
      name: 'spike',
      fault: 'load-spike',
      top,
      waves: [lead],
      // It is there for a tenth of it.
      waveSeconds: spike,
      seconds: lead + spike + lead,
      plateau: { from: lead, to: lead + Math.round(spike / 10) },
    },
  ]
}

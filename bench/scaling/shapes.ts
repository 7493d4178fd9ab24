/** Requests a second of all users, `t` seconds after the beginning. */
export interface Shape {
  name: string
  seconds: number
  load: (t: number) => number
  /** The stretch in which the load rises and stays; undefined where it never stays. */
  plateau?: { from: number; to: number }
}

const low = 30

const step: Shape = {
  name: 'step',
  seconds: 1800,
  load: (t) => (t >= 300 && t < 1000 ? 150 : low),
  plateau: { from: 300, to: 1000 },
}

const ramp: Shape = {
  name: 'ramp',
  seconds: 1800,
  load: (t) => {
    if (t < 300 || t >= 1400) return low
    if (t < 600) return low + ((t - 300) / 300) * 210
    return t < 1100 ? low + 210 : low + ((1400 - t) / 300) * 210
  },
  plateau: { from: 600, to: 1100 },
}

const sine: Shape = {
  name: 'sine',
  seconds: 3600,
  load: (t) => 150 - 120 * Math.cos((t / 900) * 2 * Math.PI),
}

const spike: Shape = {
  name: 'spike',
  seconds: 1800,
  load: (t) => (t >= 300 && t < 360 ? 240 : low),
  plateau: { from: 300, to: 360 },
}

export const shapes: readonly Shape[] = [step, ramp, sine, spike]

/** A pod as the autoscaler of Kubernetes looks at it; times in ms. */
export interface Pod {
  phase: 'Pending' | 'Running' | 'Succeeded' | 'Failed' | (string & {})
  deleting: boolean
  ready: boolean
  /** When `ready` last changed. */
  readySince: number
  started: number
  /** When its metric was taken; undefined without one. */
  measured: number | undefined
}

/** How long the CPU of a young pod tells nothing. */
export interface CpuRules {
  initializationMs: number
  /** A pod that was never ready after so long never was. */
  readinessDelayMs: number
  windowMs: number
}

export interface PodGroups<P> {
  ready: P[]
  unready: P[]
  missing: P[]
}

/** Divides pods into those that count, those that are not ready and those without a metric; ended ones are left out. */
export function groupPods<P extends Pod>(pods: readonly P[], ts: number, cpu?: CpuRules) {
  const groups: PodGroups<P> = { ready: [], unready: [], missing: [] }
  for (const pod of pods) {
    const group = groupOf(pod, ts, cpu)
    if (group) groups[group].push(pod)
  }
  return groups
}

function groupOf(pod: Pod, ts: number, cpu?: CpuRules): keyof PodGroups<Pod> | undefined {
  if (pod.deleting || pod.phase === 'Failed') return undefined
  if (pod.phase === 'Pending') return 'unready'
  if (pod.measured === undefined) return 'missing'
  return cpu && isStarting({ ...pod, measured: pod.measured }, ts, cpu) ? 'unready' : 'ready'
}

function isStarting(
  { ready, readySince, started, measured }: Pod & { measured: number },
  ts: number,
  { initializationMs, readinessDelayMs, windowMs }: CpuRules,
): boolean {
  if (started + initializationMs > ts) return !ready || measured < readySince + windowMs
  return !ready && started + readinessDelayMs > readySince
}

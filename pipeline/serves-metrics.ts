import { ownLabel } from './own-label.ts'

/** Where the tasks of a service serve an exposition, as its labels `mesoscope.metrics` and `mesoscope.metrics_port` say. */
export interface ServesMetrics {
  path: string
  /** Which of a task's ports, from 0. */
  port: number
}

/** Undefined where it serves none, or does not say so in a way that is understood. `true` stands for the usual path. */
export function servesMetrics(
  labels: Record<string, unknown> | undefined,
): ServesMetrics | undefined {
  const label = ownLabel(labels, 'metrics')
  if (label === undefined || label === 'false') return undefined
  const path = label === 'true' ? '/metrics' : label
  if (!/^\/[\w./~%?&=+:,@-]*$/.test(path)) return undefined
  return { path, port: Number(ownLabel(labels, 'metrics_port') ?? 0) }
}

/** `host:port`, as a URL has it; undefined for what is no name of a host. */
export function hostAndPort(host: string, port: number): string | undefined {
  if (!/^[\w.:-]+$/.test(host)) return undefined
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

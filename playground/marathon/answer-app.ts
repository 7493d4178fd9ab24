import type { RunSpec } from './model.ts'

/** An app as Marathon answers it, without what it knows of its tasks. */
export function answerApp(spec: RunSpec & { kind: 'app' }): Record<string, unknown> {
  const { version, versionInfo, definition } = spec
  return { ...definition, version, versionInfo }
}

export function answerPod(spec: RunSpec & { kind: 'pod' }): Record<string, unknown> {
  return { ...spec.definition, version: spec.version }
}

/** The one or the other, as `/v2/queue` has them. */
export function answerSpec(spec: RunSpec): Record<string, unknown> {
  return spec.kind === 'app' ? { app: answerApp(spec) } : { pod: answerPod(spec) }
}

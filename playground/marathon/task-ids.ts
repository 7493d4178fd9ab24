import { randomUUID } from 'node:crypto'
import { hostnamePath, safePath } from './path-id.ts'

/** Ids as Marathon ≥ 1.8 makes them. */

/** `shop_web.instance-<uuid>` */
export function newInstanceId(specId: string): string {
  return `${safePath(specId)}.instance-${randomUUID()}`
}

/** `shop_web.instance-<uuid>._app.1`; of a pod its container's name instead of `_app`. */
export function taskIdOf(instanceId: string, container: string | undefined, incarnation: number) {
  return `${instanceId}.${container ?? '_app'}.${incarnation}`
}

/** A pod's executor: `instance-<safe id>.<uuid>`, the prefix first. */
export function executorIdOf(instanceId: string): string {
  const [, safeId, uuid] = /^(.+)\.instance-(.+)$/.exec(instanceId) ?? []
  return `instance-${safeId}.${uuid}`
}

/** The instance a task id belongs to, undefined for those of other frameworks. */
export function instanceIdOf(taskId: string): string | undefined {
  return /^(.+\.instance-[0-9a-f-]{36})\.[^.]+\.\d+$/.exec(taskId)?.[1]
}

/** `/shop/web`; segments have no `_`. */
export function specIdOf(instanceId: string): string {
  return `/${instanceId.replace(/\.instance-.*$/, '').replaceAll('_', '/')}`
}

export const taskNameOf = hostnamePath

import { answerApp } from './answer-app.ts'
import { answerHealthCheck } from './answer-health-check.ts'
import { answerPlan, answerStep } from './answer-deployment.ts'
import {
  iso,
  type Action,
  type Instance,
  type InstanceTask,
  type Plan,
  type RunSpec,
  type SpecHealthCheck,
} from './model.ts'

/** Events as `/v2/events` tells them, in the plan-light form (the default since 1.7): field by field as Marathon writes them. */
export interface MarathonEvent extends Record<string, unknown> {
  eventType: string
  timestamp: string
}

type Compose = (now: number, ...about: never[]) => MarathonEvent

function event(now: number, eventType: string, fields: Record<string, unknown>): MarathonEvent {
  return { ...fields, eventType, timestamp: iso(now) }
}

export const events = {
  /** Since 1.5 it is `remoteAddress`; the documents still say `clientIp` and `callbackUrl`. */
  streamAttached: (now: number, remoteAddress: string) =>
    event(now, 'event_stream_attached', { remoteAddress }),

  streamDetached: (now: number, remoteAddress: string) =>
    event(now, 'event_stream_detached', { remoteAddress }),

  schedulerRegistered: (now: number, frameworkId: string, master: string) =>
    event(now, 'scheduler_registered_event', { frameworkId, master }),

  schedulerReregistered: (now: number, master: string) =>
    event(now, 'scheduler_reregistered_event', { master }),

  apiPost: (now: number, clientIp: string, uri: string, spec: RunSpec & { kind: 'app' }) =>
    event(now, 'api_post_event', { clientIp, uri, appDefinition: answerApp(spec) }),

  pod: (now: number, clientIp: string, uri: string, what: 'created' | 'updated' | 'deleted') =>
    event(now, `pod_${what}_event`, { clientIp, uri }),

  statusUpdate: (now: number, instance: Instance, task: InstanceTask) =>
    event(now, 'status_update_event', {
      slaveId: instance.agent?.id ?? '',
      taskId: task.id,
      taskStatus: task.mesosState ?? 'TASK_STAGING',
      message: task.message,
      appId: instance.spec.id,
      host: instance.agent?.hostname ?? 'unknown',
      ipAddresses: [],
      ports: task.ports,
      version: instance.spec.version,
    }),

  /** A scheduled instance has neither agent nor host yet: both are null. */
  instanceChanged: (now: number, instance: Instance) =>
    event(now, 'instance_changed_event', {
      instanceId: instance.id,
      condition: instance.condition,
      runSpecId: instance.spec.id,
      agentId: instance.agent?.id ?? null,
      host: instance.agent?.hostname ?? null,
      runSpecVersion: instance.spec.version,
    }),

  unknownTerminated: (now: number, instanceId: string, runSpecId: string, condition: string) =>
    event(now, 'unknown_instance_terminated_event', { instanceId, runSpecId, condition }),

  instanceHealthChanged: (now: number, { id, spec, healthy }: Instance) =>
    event(now, 'instance_health_changed_event', {
      instanceId: id,
      runSpecId: spec.id,
      healthy: healthy ?? null,
      runSpecVersion: spec.version,
    }),

  healthStatusChanged: (now: number, { id, spec }: Instance, alive: boolean) =>
    event(now, 'health_status_changed_event', {
      appId: spec.id,
      instanceId: id,
      version: spec.version,
      alive,
    }),

  addHealthCheck: (now: number, { id, version }: RunSpec, check: SpecHealthCheck) =>
    event(now, 'add_health_check_event', {
      appId: id,
      healthCheck: answerHealthCheck(check),
      version,
    }),

  removeHealthCheck: (now: number, appId: string) =>
    event(now, 'remove_health_check_event', { appId }),

  /** Marathon's quirk: `taskId` is the id of the instance. */
  failedHealthCheck: (now: number, { id, spec }: Instance, check: SpecHealthCheck) =>
    event(now, 'failed_health_check_event', {
      appId: spec.id,
      healthCheck: answerHealthCheck(check),
      taskId: id,
    }),

  unhealthyKill: (now: number, instance: Instance, task: InstanceTask, reason: string) =>
    event(now, 'unhealthy_instance_kill_event', {
      appId: instance.spec.id,
      taskId: task.id,
      instanceId: instance.id,
      version: instance.spec.version,
      reason,
      host: instance.agent?.hostname ?? 'unknown',
      slaveId: instance.agent?.id ?? null,
    }),

  appTerminated: (now: number, appId: string) => event(now, 'app_terminated_event', { appId }),

  groupChanged: (now: number, groupId: string, version: string) =>
    event(now, 'group_change_success', { groupId, version }),

  groupChangeFailed: (now: number, groupId: string, version: string, reason: string) =>
    event(now, 'group_change_failed', { groupId, version, reason }),

  deploymentInfo: (now: number, plan: Plan, step: Action[]) =>
    event(now, 'deployment_info', { plan: answerPlan(plan), currentStep: answerStep(step) }),

  stepSuccess: (now: number, plan: Plan, step: Action[]) =>
    event(now, 'deployment_step_success', {
      plan: answerPlan(plan),
      currentStep: answerStep(step),
    }),

  stepFailure: (now: number, plan: Plan, step: Action[]) =>
    event(now, 'deployment_step_failure', {
      plan: answerPlan(plan),
      currentStep: answerStep(step),
    }),

  deploymentSuccess: (now: number, plan: Plan) =>
    event(now, 'deployment_success', { id: plan.id, plan: answerPlan(plan) }),

  deploymentFailed: (now: number, plan: Plan, reason: string) =>
    event(now, 'deployment_failed', { id: plan.id, plan: answerPlan(plan), reason }),
} satisfies Record<string, Compose>

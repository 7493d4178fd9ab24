import { msToIso, type ChangeDoc } from '../../../pipeline/event.ts'
import { identityToEcs, type Identity } from '../../../pipeline/identity.ts'

/** What collectors tell, as documents. */
export const task = 'shop_web.instance-8c1f25aa-e6a2-11f1-bdef-02fc00000001._app.1'
export const container = '4f0c'.repeat(16)
export const at = Date.UTC(2026, 10, 22, 18)

export const ofDocker: Identity = {
  service: '/shop/web',
  task,
  container,
  containerName: 'mesos-25212c0c-e6a2-11f1-bdef-02fc00000001',
  agent: 'agent-1',
  version: 'v7',
  image: 'shop/web:7',
  labels: { team: 'shop' },
}

export interface Died {
  ms?: number
  code?: number
  oom?: boolean
  identity?: Identity
}

export function died({ ms = at, code, oom = false, identity = ofDocker }: Died = {}): ChangeDoc {
  return {
    '@timestamp': msToIso(ms),
    'event.id': `change:container:${identity.container}:died:${ms}000000`,
    'event.kind': 'container',
    'event.action': 'died',
    message: 'it died',
    ...(code === undefined ? {} : { 'process.exit_code': code }),
    ...(oom ? { 'container.oom_killed': true } : {}),
    ...identityToEcs(identity),
  }
}

export function started({ ms = at, identity = ofDocker }: Died = {}): ChangeDoc {
  return {
    '@timestamp': msToIso(ms),
    'event.id': `change:container:${identity.container}:started:${ms}000000`,
    'event.kind': 'container',
    'event.action': 'started',
    message: 'it started',
    ...identityToEcs(identity),
  }
}

/** Marathon kills the task for its health checks. */
export function killedForChecks(ms: number, reason?: string): ChangeDoc {
  return {
    '@timestamp': msToIso(ms),
    'event.id': `change:health:${task}:killed:${ms}`,
    'event.kind': 'health',
    'event.action': 'killed',
    'event.provider': 'marathon',
    message: 'it is killed',
    ...(reason === undefined ? {} : { 'task.message': reason }),
    ...identityToEcs({ service: '/shop/web', task }),
  }
}

export interface Status {
  healthy?: boolean
  ms?: number
  provider?: 'mesos' | 'marathon'
  reason?: string
  message?: string
  identity?: Identity
}

export function status(state: string, told: Status = {}): ChangeDoc {
  const { ms = at + 200, provider = 'mesos', reason, message } = told
  const healthy = told.healthy === undefined ? {} : { 'task.healthy': told.healthy }
  const { identity = { service: '/shop/web', task, framework: 'f1', agent: 'agent-1' } } = told
  return {
    '@timestamp': msToIso(ms),
    'event.id': `change:status:${provider}:${identity.task}:${state}:${ms}`,
    'event.kind': 'status',
    'event.action': state,
    'event.provider': provider,
    message: `${identity.task} is ${state}`,
    'task.state': state,
    ...(reason === undefined ? {} : { 'task.reason': reason }),
    ...(message === undefined ? {} : { 'task.message': message }),
    'task.source': 'SOURCE_EXECUTOR',
    ...healthy,
    ...identityToEcs(identity),
  }
}

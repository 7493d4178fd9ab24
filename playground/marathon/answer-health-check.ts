import { compact } from './normalise-app.ts'
import type { SpecHealthCheck } from './model.ts'

/** A health check in an event. */
export function answerHealthCheck(check: SpecHealthCheck): Record<string, unknown> {
  const http = check.protocol !== 'TCP'
  return compact({
    gracePeriodSeconds: check.gracePeriodSeconds,
    ignoreHttp1xx: http ? check.ignoreHttp1xx : undefined,
    intervalSeconds: check.intervalSeconds,
    maxConsecutiveFailures: check.maxConsecutiveFailures,
    path: http ? check.path : undefined,
    port: check.port,
    portIndex: check.port === undefined ? check.portIndex : undefined,
    protocol: check.protocol,
    ipProtocol: http ? 'IPv4' : undefined,
    timeoutSeconds: check.timeoutSeconds,
    delaySeconds: 15,
  })
}

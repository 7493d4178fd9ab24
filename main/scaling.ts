import { openAutoscaling, type Autoscaling } from '../autoscaling/index.ts'
import type { ScalingPolicySettings, Settings } from '../config/settings.ts'
import type { Component } from '../pipeline/health.ts'
import { readConnection } from '../pipeline/http-connection.ts'
import { openHttp, type HttpClient } from '../pipeline/http.ts'
import { secondsSince, type Base } from './base.ts'

/** The autoscaler; undefined where there is no Marathon to scale by. */
export async function openScaling(base: Base): Promise<Autoscaling | undefined> {
  const { settings, signals, bus, services, clock, metrics, log, components, stack } = base
  const marathons = openMarathons(base)
  if (marathons.size === 0) return undefined
  const { dry_run: dryRun, labels, services: declared } = settings.autoscaling
  const scaling = await openAutoscaling({
    bus,
    signals,
    settings: {
      intervalMs: intervalOf(settings),
      dryRun,
      labels,
      policies: declared.map(policyOf),
    },
    services: services.all,
    marathons: services.marathon,
    http: (marathon) => marathons.get(marathon),
    unsure: () => linesTrouble(components),
    cluster: settings.cluster,
    clock,
    metrics,
    log,
  })
  stack.defer(() => scaling.close())
  components.push({
    name: 'autoscaling',
    trouble: scaling.trouble,
    behindSeconds: () => secondsSince(scaling.through(), clock),
  })
  return scaling
}

/** Whole buckets: apps may ask to be scaled where no policy is declared, and nobody has looked at the interval. */
function intervalOf({ autoscaling, evaluation }: Settings): number {
  return Math.ceil(autoscaling.interval / evaluation.resolution) * evaluation.resolution
}

/** A client for each Marathon, by the name that its collector has. */
function openMarathons({ settings, stack }: Base): Map<string, HttpClient> {
  const clients = settings.collectors.marathon.map(({ urls, ...connection }, index) => {
    const client = openHttp({ urls, ...readConnection(connection), name: 'Marathon' })
    stack.defer(() => client.close())
    return [index === 0 ? 'marathon' : `marathon-${index + 1}`, client] as const
  })
  return new Map(clients)
}

const bringsLines = /^collector (docker|files|mesos-sandbox)(-\d+)?$/

/** Lines that a collector in trouble does not bring would look like less load. */
export function linesTrouble(components: readonly Component[]): string | undefined {
  for (const { name, trouble } of components) {
    const told = bringsLines.test(name) ? trouble() : undefined
    if (told !== undefined) return `${name}: ${told}`
  }
  return undefined
}

function policyOf({ target, stabilization, dry_run: dryRun, ...policy }: ScalingPolicySettings) {
  return {
    ...policy,
    targets: target,
    stabilizationUpMs: stabilization.up,
    stabilizationDownMs: stabilization.down,
    dryRun,
  }
}

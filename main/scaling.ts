import {
  openAutoscaling,
  openScalingDesk,
  viewScaling,
  type AutoscalingOptions,
} from '../autoscaling/index.ts'
import { declaredPolicy } from '../config/declared-policy.ts'
import type { Settings } from '../config/settings.ts'
import { followEpochs } from '../pipeline/bus/epochs.ts'
import type { ScalingStatus } from '../pipeline/decision.ts'
import type { Component } from '../pipeline/health.ts'
import { readConnection } from '../pipeline/http-connection.ts'
import { openHttp, type HttpClient } from '../pipeline/http.ts'
import { pausesOn, type ScalingDesk } from '../pipeline/scaling-desk.ts'
import { secondsSince, type Base } from './base.ts'
import { openDuty } from './duty.ts'

/** How often another process than the one that scales learns how services stand, ms. */
const tellEveryMs = 2000

export interface ScalingView {
  /** How services stand; `current`: as this process knows it, where it scales. */
  statuses(current: ScalingStatus[] | undefined): ScalingStatus[]
  desk: ScalingDesk
}

/** What is seen and asked of scaling, whichever process does it. */
export async function openScalingView(base: Base): Promise<ScalingView> {
  const { bus, clock, components, stack } = base
  const view = await base.patiently(() => followEpochs(bus, 'scaling'))
  stack.defer(() => view.close())
  components.push({ name: 'scaling view', trouble: view.trouble })
  const desk = openScalingDesk({ bus, latest: view.latest, clock })
  return {
    desk,
    statuses(current) {
      const pauses = desk.pauses()
      return (current ?? viewScaling(view.latest())).map((status) => {
        const own = pausesOn(status.service, pauses)
        return own.length > 0 ? { ...status, pauses: own } : status
      })
    },
  }
}

export interface Scaling {
  /** Undefined while another process scales. */
  current(): ScalingStatus[] | undefined
  /** Goes on with the signals as they are declared now. */
  reopen(): Promise<void>
}

/** The autoscaler. Of several processes one scales at a time. Undefined where there is no Marathon to scale by. */
export function openScaling(base: Base): Scaling | undefined {
  const { clock, components } = base
  const marathons = openMarathons(base)
  if (marathons.size === 0) return undefined
  const options = optionsOf(base, marathons)
  const duty = openDuty(
    base,
    'scaling',
    (own) => openAutoscaling({ ...options, bus: own }),
    'nothing is scaled since the settings were reloaded',
  )
  components.push({
    name: 'autoscaling',
    trouble: () => duty.trouble() ?? duty.current()?.trouble(),
    behindSeconds: () => secondsSince(duty.current()?.through(), clock),
  })
  return {
    current: () => duty.current()?.current(),
    reopen: duty.reopen,
  }
}

function optionsOf(base: Base, marathons: Map<string, HttpClient>): AutoscalingOptions {
  const { settings, signals, bus, services, clock, metrics, log, components } = base
  const { dry_run: dryRun, labels, services: declared } = settings.autoscaling
  return {
    bus,
    signals,
    settings: {
      intervalMs: intervalOf(settings),
      dryRun,
      labels,
      policies: declared.map(declaredPolicy),
    },
    services: services.all,
    marathons: services.marathon,
    http: (marathon) => marathons.get(marathon),
    unsure: () => linesTrouble(components),
    cluster: settings.cluster,
    ...(settings.bus.kafka ? { tellEveryMs } : {}),
    clock,
    metrics,
    log,
  }
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

const bringsLines = /^collector (docker|files|mesos-sandbox|mesos-agent-sandboxes)(-\d+)?$/

/** Lines that a collector in trouble does not bring would look like less load. */
export function linesTrouble(components: readonly Component[]): string | undefined {
  for (const { name, trouble } of components) {
    const told = bringsLines.test(name) ? trouble() : undefined
    if (told !== undefined) return `${name}: ${told}`
  }
  return undefined
}

import { pause, type Clock } from '../pipeline/clock.ts'
import { explain } from '../pipeline/errors.ts'
import type { Logger } from '../pipeline/log.ts'
import type { Framework, MesosCluster, Offer, TaskSpec } from './mesos/model.ts'

/** A second framework: launches a report now and then, and as Chronos does not care how it ends. */
export interface Batch {
  framework: Framework
  close(): Promise<void>
}

export interface BatchOptions {
  cluster: MesosCluster
  /** Between the starts of two tasks. */
  everyMs: number
  clock: Clock
  log: Logger
}

const job = 'batch-report'
const batchOwner = 'team-data'
const resources = { cpus: 0.1, mem: 64, disk: 0 }
const image = 'batch/report:0.7'

export function openBatch({ cluster, everyMs, clock, log }: BatchOptions): Batch {
  const framework = cluster.registerFramework({
    name: 'chronos',
    hostname: 'chronos.playground',
    webuiUrl: 'http://chronos.playground:4400',
    principal: 'chronos',
    role: '*',
  })
  const closing = new AbortController()

  /** Where nothing is offered, Chronos would try the next time. */
  function launch(): void {
    const offer = roomiest(cluster.offers())
    if (!offer) return
    try {
      cluster.launch(offer, [reportSpec(framework, clock.now())])
    } catch (error) {
      log.warn(`the batch scheduler could not launch a task: ${explain(error)}`)
    }
  }

  async function keep(): Promise<void> {
    while (!closing.signal.aborted) {
      launch()
      await pause(everyMs, closing.signal)
    }
  }

  const kept = keep()
  return {
    framework,
    close() {
      closing.abort()
      return kept
    },
  }
}

function roomiest(offers: readonly Offer[]): Offer | undefined {
  return offers
    .filter(({ cpus, mem }) => cpus >= resources.cpus && mem >= resources.mem)
    .toSorted((one, other) => other.cpus - one.cpus)[0]
}

/** Ids as Chronos makes them: `ct:<due>:<attempt>:<job>:<arguments>`. */
function reportSpec(framework: Framework, dueMs: number): TaskSpec {
  const id = `ct:${Math.trunc(dueMs)}:0:${job}:`
  return {
    id,
    name: `ChronosTask:${job}`,
    framework,
    resources,
    ports: 0,
    program: 'report',
    env: {
      mesos_task_id: id,
      CHRONOS_JOB_OWNER: batchOwner,
      CHRONOS_JOB_NAME: job,
      CHRONOS_RESOURCE_CPU: String(resources.cpus),
      CHRONOS_RESOURCE_MEM: String(resources.mem),
      CHRONOS_RESOURCE_DISK: String(resources.disk),
    },
    labels: [],
    container: {
      type: 'DOCKER',
      image,
      labels: {
        'mesoscope.service': '/batch/report',
        'mesoscope.owner': batchOwner,
        'mesoscope.runbook': 'https://runbooks.example/batch/report',
      },
    },
  }
}

import type { QueueState } from '../pipeline/service-state.ts'
import { explain, Trouble } from '../pipeline/errors.ts'
import { parseJson, type HttpClient } from '../pipeline/http.ts'
import { notJsonTrouble, refusalTrouble } from '../pipeline/http-trouble.ts'
import type { Problem } from './answer.ts'
import { readApps, type MarathonApp } from './marathon-apps.ts'
import { readDeployments, type MarathonDeployment } from './marathon-deployments.ts'
import { readInfo, type MarathonInfo } from './marathon-info.ts'
import { readPods, type PodEnd, type PodsRead } from './marathon-pods.ts'
import { readQueue } from './marathon-queue.ts'

/** What Marathon answered, and what of it was not understood. */
export interface Answered {
  /** When the apps were there, ms. */
  atMs: number
  apps: MarathonApp[]
  /** Undefined where they could not be read. */
  pods: MarathonApp[] | undefined
  ends: PodEnd[]
  deployments: MarathonDeployment[]
  queue: Map<string, QueueState> | undefined
  /** Why a part that is not needed is missing. */
  partial: string | undefined
}

export interface MarathonApi {
  /** Throws a Trouble where apps or deployments cannot be read. */
  read(signal: AbortSignal): Promise<Answered>
  info(signal: AbortSignal): Promise<MarathonInfo>
}

export interface MarathonApiOptions {
  client: HttpClient
  now(): number
  /** `what`: `apps`, `deployments` … */
  onProblems(what: string, problems: readonly Problem[]): void
  /** For the answer with all apps, ms. */
  timeoutMs?: number
}

const embeds = ['tasks', 'counts', 'deployments', 'lastTaskFailure', 'readiness']
const appsPath = `/v2/apps?${embeds.map((part) => `embed=apps.${part}`).join('&')}`
/** Thousands of apps with their tasks, on a busy Marathon. */
const usualTimeoutMs = 30_000
const maxBytes = 256 * 2 ** 20
/** As its specification says, and as many write it; Marathon before 1.4 has no pods. */
const podsPaths = ['/v2/pods/::status', '/v2/pods::status']
/** So often a Marathon without pods is asked again. */
const withoutPodsMs = 600_000

export function openMarathonApi(options: MarathonApiOptions): MarathonApi {
  const { client, now, onProblems, timeoutMs = usualTimeoutMs } = options
  const limits = { timeoutMs, maxBytes }
  let withoutPodsUntil = -Infinity
  let podsPath = 0

  function understood<T>(what: string, path: string, value: T | undefined, problems: Problem[]): T {
    onProblems(what, problems)
    if (value !== undefined) return value
    const [first] = problems
    throw new Trouble(
      `Marathon at ${client.current()}: GET ${path} was not understood: ${first?.problem ?? 'no list'}`,
      { remedy: 'is this the address of a Marathon? It is tried again', retryable: true },
    )
  }

  async function apps(signal: AbortSignal) {
    const answer = await client.json(appsPath, { signal, ...limits })
    const atMs = now()
    const read = readApps(answer)
    return { atMs, apps: understood('apps', '/v2/apps', read.apps, read.problems) }
  }

  async function deployments(signal: AbortSignal) {
    const read = readDeployments(await client.json('/v2/deployments', { signal }))
    return understood('deployments', '/v2/deployments', read.deployments, read.problems)
  }

  async function queue(signal: AbortSignal) {
    const read = readQueue(await client.json('/v2/queue', { signal }))
    return understood('queue', '/v2/queue', read.queue, read.problems)
  }

  async function pods(signal: AbortSignal): Promise<Pick<PodsRead, 'apps' | 'ends'>> {
    if (now() < withoutPodsUntil) return { apps: [], ends: [] }
    for (let i = 0; i < podsPaths.length; i++) {
      const path = podsPaths[podsPath] as string
      const answer = await client.request(path, { signal, ...limits })
      const asked = { name: 'Marathon', base: client.current(), method: 'GET', path }
      if (answer.status === 200) {
        const read = readPods(jsonOf(answer.text, (cause) => notJsonTrouble(asked, answer, cause)))
        return { ...read, apps: understood('pods', path, read.apps, read.problems) }
      }
      if (!isMissing(answer)) throw refusalTrouble(asked, answer)
      podsPath = (podsPath + 1) % podsPaths.length
    }
    withoutPodsUntil = now() + withoutPodsMs
    return { apps: [], ends: [] }
  }

  return {
    async read(signal) {
      const troubles: string[] = []
      const optional = async <T>(part: Promise<T>): Promise<T | undefined> => {
        try {
          return await part
        } catch (error) {
          signal.throwIfAborted()
          troubles.push(explain(error))
          return undefined
        }
      }
      // Together: what they tell shall be of one moment, as far as that can be had.
      const [read, deploying, waiting, podded] = await Promise.all([
        apps(signal),
        deployments(signal),
        optional(queue(signal)),
        optional(pods(signal)),
      ])
      return {
        ...read,
        pods: podded?.apps,
        ends: podded?.ends ?? [],
        deployments: deploying,
        queue: waiting,
        partial: troubles[0],
      }
    },
    async info(signal) {
      const read = readInfo(await client.json('/v2/info', { signal }))
      return understood('info', '/v2/info', read.info, read.problems)
    },
  }
}

/** An unrouted path gives 500 in some versions. */
function isMissing({ status, text }: { status: number; text: string }): boolean {
  return [404, 405, 406].includes(status) || (status === 500 && /not found/i.test(text))
}

function jsonOf(text: string, trouble: (cause: unknown) => Trouble): unknown {
  try {
    return parseJson(text)
  } catch (cause) {
    throw trouble(cause)
  }
}

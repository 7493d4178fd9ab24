import { spokenBytes, spokenSeconds } from '../spoken.ts'
import type { DeploymentBefore } from './around.ts'
import type { EndFacts } from './facts.ts'
import type { PostMortem } from './find.ts'

const endings = {
  died: 'died, nobody asked for it',
  killed: 'killed on request',
  finished: 'finished by itself',
}

/** The facts of an end, one a row, for people; what is not known has no row. */
export function rowsOfPostMortem(end: PostMortem): [name: string, text: string][] {
  const { identity, uptimeSeconds: age, state, reason, says } = end
  const rows: [string, string | undefined][] = [
    ['Ending', endings[end.ending]],
    ['Service', identity.service],
    ['Task', identity.task],
    ['Container', identity.container],
    ['Agent', identity.agent],
    ['Version', identity.version],
    ['Image', identity.image],
    ['Exit code', exitWords(end)],
    ['Out of memory', end.outOfMemory ? 'yes' : 'no'],
    ['Memory', memoryWords(end)],
    ['Uptime', age === undefined ? undefined : spokenSeconds(age)],
    ['Failed checks', end.unhealthy],
    ['Mesos says', [state, reason, says].filter((part) => part !== undefined).join(', ')],
    ['Death', nthWords(end.nthDeath)],
    ['Deployment', end.deployment && deploymentWords(end.deployment)],
    ['Told by', end.toldBy.join(', ')],
  ]
  return rows.flatMap(([name, text]) => (text ? [[name, text] as [string, string]] : []))
}

/** `137 (SIGKILL)` */
export function exitWords({ exitCode, signal }: Pick<EndFacts, 'exitCode' | 'signal'>) {
  if (exitCode === undefined) return undefined
  return signal === undefined ? `${exitCode}` : `${exitCode} (${signal})`
}

export function memoryWords({ memoryUsage, memoryLimit }: EndFacts): string | undefined {
  if (memoryUsage === undefined) {
    return memoryLimit === undefined ? undefined : `limit ${spokenBytes(memoryLimit)}`
  }
  const share = memoryLimit === undefined ? '' : ` of ${spokenBytes(memoryLimit)}`
  return `${spokenBytes(memoryUsage)}${share} when measured last`
}

export function nthWords(nth: number | undefined): string | undefined {
  return nth === undefined ? undefined : `number ${nth} of the service within 10 minutes`
}

/** `d41… , 3 min before, succeeded: version … instead of …` */
export function deploymentWords({ id, beforeMs, action, changed }: DeploymentBefore): string {
  const what = changed.length > 0 ? `: ${changed.join('; ')}` : ''
  return `${id}, begun ${spokenSeconds(Math.max(0, beforeMs / 1000))} before, ${action}${what}`
}

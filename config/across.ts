import { resolve } from 'node:path'
import stringify from 'fast-json-stable-stringify'
import { isLoopback } from '../pipeline/loopback.ts'
import { namesIn } from './condition.ts'
import { aloneFaults, checkConnections, type Connection } from './connections.ts'
import type { Path } from './faults.ts'
import { defaultRetention, retentionName } from '../pipeline/store/retention.ts'
import { nearestName } from './near.ts'
import { serverLogins } from './server-logins.ts'
import { checkScaling, type ReadableScaling } from './scaling.ts'
import { checkSignals, knownSignals, unknownSignal, type ReadableSignal } from './signal-checks.ts'
import type { AlertSettings, DockerSettings, Settings } from './settings.ts'
import { formatDuration } from './units.ts'

/**
 * What could be read of the settings, so that checks across them run although something else is wrong. Items that
 * are wrong themselves are `undefined`, sections that are wrong are absent.
 */
export interface Readable {
  listen: Settings['listen'] | undefined
  evaluation: Settings['evaluation'] | undefined
  mail: Settings['mail']
  notifications: Settings['notifications'] | undefined
  kafka: Settings['bus']['kafka']
  elasticsearch: Settings['store']['elasticsearch']
  retentionClasses: readonly string[]
  /** By their path. */
  retentions: { path: Path; retention: string | undefined }[]
  checks: { name: string | undefined }[]
  prometheus: ({ urls: string[]; marathon: boolean } | undefined)[]
  syslog: (
    { cert?: string | undefined; key?: string | undefined; ca?: string | undefined } | undefined
  )[]
  /** How many Marathons there are. */
  marathons: number
  docker: (DockerSettings | undefined)[]
  mesosSandbox: ({ work_dir: string } | undefined)[]
  /** To Mesos and Marathon. */
  connections: Connection[]
  signals: Record<string, ReadableSignal>
  builtinSignals: boolean | undefined
  alerts: (Partial<Pick<AlertSettings, 'alert' | 'when' | 'clear_when' | 'labels'>> & {
    isWritten: { when: boolean; log: boolean; watchdog: boolean }
  })[]
  scaling: ReadableScaling
}

export interface AcrossFault {
  /** Of the value to mend. */
  path: Path
  sentence: string
}

/** Each check looks at several settings together; the path is that of the one to mend. */
const checks: readonly ((settings: Readable) => AcrossFault[])[] = [
  listenWithToken,
  dockerHasInput,
  dockerTwice,
  sandboxTwice,
  ({ connections }) => checkConnections(connections),
  serverLogins,
  intervalFitsBuckets,
  windowsFitBuckets,
  checkSignals,
  alertsOnce,
  alertsNameSignals,
  alertsAreOneThing,
  checkScaling,
  retentionNames,
  checksOnce,
  prometheusHasTargets,
  syslogIsSecure,
  mailLogin,
  notifiedOneWay,
  nagiosHasOneWay,
]

export function checkAcross(settings: Readable): AcrossFault[] {
  return checks.flatMap((check) => check(settings))
}

function listenWithToken({ listen }: Readable): AcrossFault[] {
  if (!listen || listen.token || isLoopback(listen.host)) return []
  const sentence = `${JSON.stringify(listen.host)} can be reached from other machines: set listen.token, or listen on 127.0.0.1`
  return [{ path: ['listen', 'host'], sentence }]
}

function retentionNames({ retentionClasses, retentions }: Readable): AcrossFault[] {
  const odd = retentionClasses.filter((name) => !retentionName.test(name))
  const known = [defaultRetention, ...retentionClasses]
  const unknown = retentions.flatMap(({ path, retention }) => {
    if (retention === undefined || known.includes(retention)) return []
    const near = nearestName(retention, known)
    const hint = near === undefined ? '' : `; did you mean ${near}?`
    const sentence = `${retention} is none of store.retention_classes${hint}`
    return [{ path: [...path, 'retention'], sentence }]
  })
  return [
    ...odd.map((name) => ({
      path: ['store', 'retention_classes', name],
      sentence: 'a retention class has a name of at most 30 small letters, digits and _',
    })),
    ...unknown,
  ]
}

function checksOnce({ checks }: Readable): AcrossFault[] {
  return checks.flatMap(({ name }, i) => {
    const first = checks.findIndex((one) => one.name === name)
    if (name === undefined || first === i) return []
    return [{ path: ['collectors', 'checks', i, 'name'], sentence: 'another check has this name' }]
  })
}

function prometheusHasTargets({ prometheus, marathons }: Readable): AcrossFault[] {
  return prometheus.flatMap((item, i) => {
    if (!item) return []
    const path = ['collectors', 'prometheus', i]
    if (item.marathon && marathons === 0) {
      const sentence = 'there is no collectors.marathon to find tasks with'
      return [{ path: [...path, 'marathon'], sentence }]
    }
    if (item.urls.length > 0 || item.marathon) return []
    return [{ path, sentence: 'needs urls, marathon: true or both' }]
  })
}

function syslogIsSecure({ syslog }: Readable): AcrossFault[] {
  return syslog.flatMap((item, i) => {
    const path = ['collectors', 'syslog', i]
    if (!item) return []
    const { cert, key, ca } = item
    if (ca !== undefined && cert === undefined && key === undefined) {
      return [{ path: [...path, 'ca'], sentence: 'needs cert and key beside it' }]
    }
    return aloneFaults(item, path, ['cert', 'key'])
  })
}

function dockerHasInput({ docker }: Readable): AcrossFault[] {
  return docker.flatMap((item, i) => {
    if (!item || item.root || item.socket) return []
    return [{ path: ['collectors', 'docker', i], sentence: 'needs a root, a socket or both' }]
  })
}

function dockerTwice({ docker }: Readable): AcrossFault[] {
  return (['root', 'socket'] as const).flatMap((part) => {
    const seen = new Set<string>()
    return docker.flatMap((item, i) => {
      const path = item?.[part]
      if (path === undefined || !repeats(seen, path)) return []
      const sentence = `${JSON.stringify(path)} is collected by another entry already`
      return [{ path: ['collectors', 'docker', i, part], sentence }]
    })
  })
}

function sandboxTwice({ mesosSandbox }: Readable): AcrossFault[] {
  const seen = new Set<string>()
  return mesosSandbox.flatMap((item, i) => {
    if (!item || !repeats(seen, resolve(item.work_dir))) return []
    const sentence = `${JSON.stringify(item.work_dir)} is collected by another entry already`
    return [{ path: ['collectors', 'mesos_sandbox', i, 'work_dir'], sentence }]
  })
}

function repeats(seen: Set<string>, value: string): boolean {
  if (seen.has(value)) return true
  seen.add(value)
  return false
}

function intervalFitsBuckets({ evaluation }: Readable): AcrossFault[] {
  if (!evaluation || evaluation.interval % evaluation.resolution === 0) return []
  const [interval, resolution] = [evaluation.interval, evaluation.resolution].map(formatDuration)
  const sentence = `${interval} is no multiple of evaluation.resolution (${resolution})`
  return [{ path: ['evaluation', 'interval'], sentence }]
}

function windowsFitBuckets({ signals, evaluation }: Readable): AcrossFault[] {
  if (!evaluation) return []
  const { resolution } = evaluation
  return Object.entries(signals).flatMap(([name, { over }]) => {
    if (over === undefined || over % resolution === 0) return []
    const sentence = `${formatDuration(over)} is no multiple of evaluation.resolution (${formatDuration(resolution)})`
    return [{ path: ['signals', name, 'over'], sentence }]
  })
}

function alertsOnce({ alerts }: Readable): AcrossFault[] {
  const seen = new Set<string>()
  return alerts.flatMap(({ alert, labels = {} }, i) => {
    // As in Prometheus: one name may stand for several rules if their labels tell their alerts apart.
    if (alert === undefined || !repeats(seen, `${alert} ${stringify(labels)}`)) return []
    const sentence = 'another rule has this name and these labels already'
    return [{ path: ['alerts', i, 'alert'], sentence }]
  })
}

function alertsNameSignals({ alerts, ...settings }: Readable): AcrossFault[] {
  const known = knownSignals(settings)
  return alerts.flatMap((alert, i) =>
    (['when', 'clear_when'] as const).flatMap((part) => {
      const condition = alert[part]
      if (condition === undefined) return []
      const names = namesIn(condition)
      const path = ['alerts', i, part]
      if (names.length === 0) return [{ path, sentence: 'names no signal, so it never changes' }]
      return names
        .filter((name) => !known.includes(name))
        .map((name) => ({ path, sentence: unknownSignal(name, known) }))
    }),
  )
}

function alertsAreOneThing({ alerts }: Readable): AcrossFault[] {
  return alerts.flatMap(({ isWritten }, i) => {
    const [first, second] = (['when', 'log', 'watchdog'] as const).filter((one) => isWritten[one])
    if (first !== undefined && second !== undefined) {
      const sentence = `stands beside ${first}: a rule is one of both`
      return [{ path: ['alerts', i, second], sentence }]
    }
    if (first !== undefined) return []
    const sentence = 'is missing: expected a condition over signals, or log'
    return [{ path: ['alerts', i, 'when'], sentence }]
  })
}

function mailLogin({ mail }: Readable): AcrossFault[] {
  if (!mail || Boolean(mail.user) === Boolean(mail.password)) return []
  const missing = mail.user ? 'password' : 'user'
  const present = mail.user ? 'user' : 'password'
  return [{ path: ['mail', present], sentence: `needs mail.${missing} beside it` }]
}

function nagiosHasOneWay({ notifications }: Readable): AcrossFault[] {
  return (notifications?.nagios?.to ?? []).flatMap(({ host, command_file: file }, i) => {
    const path = ['notifications', 'nagios', 'to', i]
    if (host === undefined && file === undefined) {
      return [{ path, sentence: 'needs a host, or a command_file' }]
    }
    if (host === undefined || file === undefined) return []
    return [{ path, sentence: 'has a host and a command_file: each is an entry of its own' }]
  })
}

function notifiedOneWay({ mail, notifications }: Readable): AcrossFault[] {
  if (!mail || notifications?.config === undefined) return []
  const sentence = 'names who is told: leave out mail, and have a receiver with email_configs there'
  return [{ path: ['notifications', 'config'], sentence }]
}

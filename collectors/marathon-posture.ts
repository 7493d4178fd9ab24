import type { Verdict, Verdicts } from '../pipeline/posture.ts'
import { withoutUndefined } from '../pipeline/without-undefined.ts'
import type { Part } from './answer.ts'
import type { MarathonApp } from './marathon-apps.ts'
import {
  capabilityVerdict,
  fine,
  found,
  imageVerdict,
  socketAmong,
  userVerdict,
} from './posture-values.ts'

/**
 * How Marathon was told to run an app, by its definition in the form of any version from 0.7 on. What is missing there, or
 * left to image and agent, is not known. Never throws; what is of another kind is noted at the part.
 */
export function postureOfApp(app: Part): Verdicts {
  const container = app.part('container')
  const docker = container?.part('docker')
  const isDocker = docker !== undefined && container?.text('type') !== 'MESOS'
  const given = docker && parametersOf(docker)
  return withoutUndefined({
    privileged: isDocker ? privilegedVerdict(docker, given) : undefined,
    'host-network': networkVerdict(app, docker, given),
    'host-pid': isDocker ? pidVerdict(given) : undefined,
    'docker-socket': container && socketVerdict(container, given),
    root: rootVerdict(app, isDocker, given),
    capabilities: isDocker ? given && capabilityVerdict(given('cap-add')) : undefined,
    'mutable-tag': imageOf(docker),
    'no-health-check': checksVerdict(app),
    ...amounts({
      cpus: app.number('cpus'),
      mem: app.number('mem'),
      instances: app.number('instances'),
    }),
  })
}

/** Of a pod as far as it is read here: what its containers may do is not. */
export function postureOfPod(pod: MarathonApp): Verdicts {
  const { hasChecks, image } = pod
  return withoutUndefined({
    'mutable-tag': image === undefined ? undefined : imageVerdict(image),
    'no-health-check': hasChecks ? fine('Marathon checks it') : found('no healthCheck'),
    ...amounts(pod),
  })
}

function amounts({ cpus, mem, instances }: Pick<MarathonApp, 'cpus' | 'mem' | 'instances'>) {
  return {
    'no-memory-limit': amountVerdict(mem, 'MiB'),
    'no-cpu-limit': amountVerdict(cpus, 'cores'),
    'one-instance': instances === undefined ? undefined : instancesVerdict(instances),
  }
}

function amountVerdict(amount: number | undefined, unit: string): Verdict | undefined {
  if (amount === undefined || amount < 0) return undefined
  return amount > 0 ? fine(`${amount} ${unit}`) : found(`0 ${unit} are asked for`)
}

export function instancesVerdict(count: number): Verdict | undefined {
  if (!(count >= 0)) return undefined
  return count >= 2 ? fine(`${count} instances`) : found(count === 1 ? 'one' : 'none is wanted')
}

/** The values of an option of `docker run`; undefined where the list is missing: what is not told may be set. */
type Parameters = (...names: string[]) => string[]

function parametersOf(docker: Part): Parameters | undefined {
  const parts = docker.parts('parameters')
  if (!parts) return undefined
  const all = parts.map((part) => ({
    key: part.text('key')?.replace(/^-+/, ''),
    value: typeof part.fields['value'] === 'string' ? part.fields['value'] : '',
  }))
  return (...names) =>
    all.flatMap(({ key, value }) => (key !== undefined && names.includes(key) ? [value] : []))
}

function privilegedVerdict(docker: Part, given: Parameters | undefined): Verdict | undefined {
  const values = given?.('privileged') ?? []
  if (values.some((value) => value !== 'false')) return found('the parameter privileged is set')
  const flag = docker.flag('privileged')
  if (flag === undefined) return undefined
  return flag ? found('privileged is set') : fine('privileged is not set')
}

/** `networks` of Marathon 1.5, `network` of those before, or an option of Docker's. */
function networkVerdict(
  app: Part,
  docker: Part | undefined,
  given: Parameters | undefined,
): Verdict | undefined {
  const modes = [
    ...(given?.('net', 'network') ?? []),
    ...(app.parts('networks') ?? []).flatMap((network) => network.text('mode') ?? []),
    ...[docker?.text('network') ?? []].flat(),
  ]
  if (modes.some((mode) => mode.toLowerCase() === 'host')) return found('network mode host')
  return modes.length > 0 ? fine(`network mode ${modes.join(', ')}`) : undefined
}

function pidVerdict(given: Parameters | undefined): Verdict | undefined {
  const mode = given?.('pid')
  if (mode?.includes('host')) return found('the parameter pid is host')
  // That of another container may be any.
  return mode?.length === 0 ? fine('processes of its own') : undefined
}

function socketVerdict(container: Part, given: Parameters | undefined): Verdict | undefined {
  const volumes = container.parts('volumes')
  const places = (volumes ?? []).flatMap((volume) => volume.text('hostPath') ?? [])
  const more = (given?.('volume', 'v', 'mount') ?? []).flatMap((text) =>
    text.split(/[:,]/).map((part) => part.replace(/^(source|src|target|dst|destination)=/, '')),
  )
  const socket = socketAmong([...places, ...more])
  if (socket !== undefined) return found(`${socket} is mounted`)
  const isWhole = Array.isArray(container.fields['volumes'])
  return isWhole ? fine(`${volumes?.length} volumes, none of them a socket`) : undefined
}

/** Where the app says nothing, the image or the agent decides. */
function rootVerdict(
  app: Part,
  isDocker: boolean,
  given: Parameters | undefined,
): Verdict | undefined {
  const user = isDocker ? given?.('user', 'u').at(-1) : app.text('user')
  return user === undefined || user === '' ? undefined : userVerdict(user)
}

function imageOf(docker: Part | undefined): Verdict | undefined {
  const image = docker?.text('image')
  return image === undefined ? undefined : imageVerdict(image)
}

function checksVerdict(app: Part): Verdict | undefined {
  const checks = app.fields['healthChecks']
  if (!Array.isArray(checks)) return undefined
  return checks.length > 0 ? fine('Marathon checks it') : found('the app has no healthChecks')
}

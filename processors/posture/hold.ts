import {
  acceptedNames,
  postureNames,
  type HeldFinding,
  type Posture,
  type PostureFinding,
  type ServicePosture,
  type Verdict,
} from '../../pipeline/posture.ts'

/**
 * What is held of a service by what is told of its containers and its app now. A weakness of one container is one of the
 * service. What nobody tells now is held as before: between the end of a container and the start of the next nothing is
 * known, and nothing has changed.
 */
export function hold(
  service: string,
  told: readonly Posture[],
  before: ServicePosture | undefined,
  atMs: number,
): ServicePosture {
  const containers = told.filter(({ of }) => of === 'container')
  const apps = told.filter(({ of }) => of === 'app')
  const newest = told.toSorted((a, b) => b.atMs - a.atMs)
  // Marathon knows the whole service, a container what it was started with.
  const identity = (apps[0] ?? newest[0])?.identity ?? before?.identity ?? { service }
  const accept =
    told.length > 0 ? acceptedNames(told.map((one) => one.accept ?? '').join()) : before?.accept
  const findings: ServicePosture['findings'] = {}
  for (const name of postureNames) {
    const verdict = verdictOf(name, containers, apps)
    const held = verdict ? since(verdict, before?.findings[name], atMs) : before?.findings[name]
    if (held) findings[name] = marked(held, accept?.includes(name) === true)
  }
  return {
    v: 1,
    service,
    findings,
    accept: accept ?? [],
    containers: containers.length,
    app: apps.length > 0 || before?.app === true,
    identity,
    heardMs: Math.max(atMs, before?.heardMs ?? 0),
  }
}

function verdictOf(
  name: PostureFinding,
  containers: readonly Posture[],
  apps: readonly Posture[],
): Verdict | undefined {
  if (name === 'one-instance') return apps[0]?.findings[name] ?? countVerdict(containers.length)
  const all = [...containers, ...apps].flatMap(({ findings }) => findings[name] ?? [])
  const bad = all.filter(({ found }) => found)
  const good = all.filter(({ found }) => !found)
  // Of checks one is enough, whoever makes it.
  if (name === 'no-health-check') return good[0] ?? bad[0]
  const of = containers.flatMap(({ findings }) => findings[name] ?? [])
  const weak = of.filter(({ found }) => found).length
  const share = weak > 0 && weak < of.length ? ` (${weak} of ${of.length} containers)` : ''
  return bad[0] ? { found: true, detail: `${bad[0].detail}${share}` } : good[0]
}

/** Without Marathon nobody says how many are wanted: those that run are counted. */
function countVerdict(count: number): Verdict | undefined {
  if (count === 0) return undefined
  const detail = count === 1 ? 'one container runs' : `${count} containers run`
  return { found: count < 2, detail }
}

function since(verdict: Verdict, before: HeldFinding | undefined, atMs: number): HeldFinding {
  return { ...verdict, sinceMs: before?.found === verdict.found ? before.sinceMs : atMs }
}

function marked({ found, detail, sinceMs }: HeldFinding, accepted: boolean): HeldFinding {
  return { found, detail, sinceMs, ...(accepted ? { accepted } : {}) }
}

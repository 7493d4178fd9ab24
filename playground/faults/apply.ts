import { matchService } from '../../pipeline/identity.ts'
import { explain, Trouble } from '../../pipeline/errors.ts'
import type { Logger } from '../../pipeline/log.ts'
import type { End } from './acting.ts'
import { faultKinds } from './index.ts'
import type { FaultArguments, FaultKind, World } from './kind.ts'

/** What is asked for; what is left out is as usual. */
export interface FaultRequest {
  name: string
  /** Its id, or a unique ending of it. */
  service?: string | undefined
  amount?: number | undefined
  seconds?: number | undefined
}

/** A fault as it can be caused, for people. */
export interface FaultView {
  name: string
  description: string
  /** It goes on now. */
  active: boolean
  /** Those that can have it, the usual one first. */
  services?: readonly string[]
  /** What its amount is, and what it is unless given. */
  amount?: { of: string; usual: number; min: number; max: number }
  /** How long it lasts unless told otherwise; `calm`: until `calm`. */
  seconds?: number | 'calm'
}

export interface Faults {
  list(): FaultView[]
  /**
   * Causes a fault, or ends all with `calm`; resolves when it has begun, with how it will be. Throws a {@link Trouble} for
   * what there is not, and where nothing runs that could have it.
   */
  apply(request: FaultRequest): Promise<string>
  close(): Promise<void>
}

interface Active {
  name: string
  end: End
  timer: NodeJS.Timeout | undefined
}

const calms: Record<string, string> = {
  'load-calm': 'Visitors come as usual.',
  calm: 'Ends all faults.',
}
const names = [...Object.keys(faultKinds), ...Object.keys(calms)]
const longestSeconds = 86_400

export function openFaults(world: World, log: Logger): Faults {
  /** By slot and service. */
  const active = new Map<string, Active>()
  let queue: Promise<unknown> = Promise.resolve()

  async function finish(slot: string): Promise<void> {
    const one = active.get(slot)
    if (!one) return
    active.delete(slot)
    clearTimeout(one.timer)
    await one.end()
  }

  async function apply(request: FaultRequest): Promise<string> {
    if (request.name === 'load-calm') return finish('load').then(() => 'visitors come as usual')
    if (request.name === 'calm') return calm()
    const kind = kindOf(request.name)
    const given = argumentsOf(request, kind)
    const slot = kind.services ? `${request.name} ${given.service}` : (kind.slot ?? request.name)
    await finish(slot)
    const end = await kind.begin(world, given)
    if (end) {
      const timer =
        given.seconds > 0 ? setTimeout(() => later(slot), given.seconds * 1000) : undefined
      active.set(slot, { name: request.name, end, timer })
    }
    return sentence(request.name, kind, given)
  }

  function later(slot: string): void {
    inTurn(() => finish(slot)).catch((error: unknown) => {
      log.error(`a fault of the playground could not be ended: ${explain(error)}`)
    })
  }

  async function calm(): Promise<string> {
    for (const slot of active.keys()) await finish(slot)
    return 'all faults are over'
  }

  /** One after the other: a fault may end another one. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = queue.then(work)
    queue = done.catch(() => {})
    return done
  }

  return {
    list: () => names.map((name) => viewOf(name, [...active.values()])),
    apply: (request) => inTurn(() => apply(request)),
    close: () => inTurn(async () => void (await calm())),
  }
}

function kindOf(name: string): FaultKind {
  const kind = Object.hasOwn(faultKinds, name) ? faultKinds[name] : undefined
  if (kind) return kind
  throw new Trouble(`there is no fault ${JSON.stringify(name)}`, {
    remedy: `choose one of ${names.join(', ')}`,
  })
}

function argumentsOf(request: FaultRequest, kind: FaultKind): FaultArguments {
  const { name } = request
  const usualSeconds = typeof kind.seconds === 'number' ? kind.seconds : 0
  if (kind.seconds === undefined && request.seconds !== undefined) {
    throw new Trouble(`${name} is over at once`, { remedy: 'leave the seconds out' })
  }
  const { of, usual, min, max } = kind.amount ?? { of: '', usual: 0, min: 0, max: 0 }
  if (!kind.amount && request.amount !== undefined) {
    throw new Trouble(`${name} has no amount`, { remedy: 'leave it out' })
  }
  return {
    service: serviceOf(request, kind),
    amount: within(request.amount ?? usual, min, max, `the amount of ${name} (${of})`),
    seconds: within(request.seconds ?? usualSeconds, 0, longestSeconds, 'the seconds'),
  }
}

function serviceOf({ name, service }: FaultRequest, { services }: FaultKind): string {
  if (!services) {
    if (service === undefined) return ''
    throw new Trouble(`${name} is no matter of a service`, { remedy: 'leave the service out' })
  }
  if (service === undefined) return services[0]
  const [match, ...others] = matchService(service, services)
  if (match !== undefined && others.length === 0) return match
  throw new Trouble(`${JSON.stringify(service)} cannot have the fault ${name}`, {
    remedy: `choose one of ${services.join(', ')}`,
  })
}

function within(value: number, min: number, max: number, what: string): number {
  if (Number.isInteger(value) && value >= min && value <= max) return value
  throw new Trouble(`${what} cannot be ${value}`, {
    remedy: `give a whole number from ${min} to ${max}`,
  })
}

function sentence(
  name: string,
  kind: FaultKind,
  { service, amount, seconds }: FaultArguments,
): string {
  const parts = [
    name,
    ...(service === '' ? [] : [`of ${service}`]),
    ...(kind.amount ? [`(${kind.amount.of}: ${amount})`] : []),
  ]
  if (kind.seconds === undefined) return `${parts.join(' ')}: done`
  return `${parts.join(' ')}: ${seconds > 0 ? `for ${seconds} seconds` : 'until calm'}`
}

function viewOf(name: string, active: readonly Active[]): FaultView {
  const kind = faultKinds[name]
  if (!kind) return { name, description: calms[name] ?? '', active: false }
  const { description, services, amount, seconds } = kind
  return {
    name,
    description,
    active: active.some((one) => one.name === name),
    ...(services ? { services } : {}),
    ...(amount ? { amount } : {}),
    ...(seconds === undefined ? {} : { seconds }),
  }
}

import { Option, type Command } from 'commander'
import { pausedWords } from '../autoscaling/explain.ts'
import type { Answers } from '../dashboards/api.ts'
import type { ScalingStatus } from '../pipeline/decision.ts'
import { formatDuration } from '../pipeline/duration.ts'
import {
  allServices,
  pauseDirections,
  usualPauseMs,
  type PauseDirection,
  type ScalingPause,
} from '../pipeline/scaling-desk.ts'
import { pauseLength } from './arguments.ts'
import { harmless, harmlessJson } from './harmless.ts'
import { formatMoment } from './moment.ts'
import { addOwnerOptions, ownerOf, withApi, type OwnerOptions } from './notifying.ts'
import type { CommandContext } from './parts.ts'
import { misuse, nothing } from './report.ts'

interface MeantOptions extends OwnerOptions {
  all?: boolean
}

interface PauseOptions extends MeantOptions {
  direction: PauseDirection
  for: number
  reason: string
}

const words = `
While scaling is paused policies are still evaluated, and mesoscope scale tells what they would do. A change that is under way
is let finish. A pause ends by itself; a newer one of the same service takes its place.`

/** `scale pause` and `scale resume`. */
export function addPausing(scale: Command, context: CommandContext): void {
  const pause = scale
    .command('pause [service]')
    .description('changes no instances for a time, in your name')
    .option('--all', 'of all services')
    .addOption(
      new Option('--direction <way>', 'only this way').choices(pauseDirections).default('both'),
    )
    .addOption(
      new Option('--for <length>', 'for how long')
        .argParser(pauseLength)
        .default(usualPauseMs, formatDuration(usualPauseMs)),
    )
    .requiredOption('--reason <text>', 'why')
    .addHelpText('after', words)
  addOwnerOptions(pause).action((service: string | undefined, options: PauseOptions) =>
    pauseOne(service, options, context),
  )
  const resume = scale
    .command('resume [service]')
    .description('ends a pause now')
    .option('--all', 'the one of all services')
  addOwnerOptions(resume).action((service: string | undefined, options: MeantOptions) =>
    resumeOne(service, options, context),
  )
}

async function pauseOne(
  service: string | undefined,
  options: PauseOptions,
  context: CommandContext,
): Promise<void> {
  const { io } = context
  const { direction, reason } = options
  const by = ownerOf(options, context)
  if (reason.trim() === '') throw misuse('the reason is missing', 'give --reason TEXT')
  const asked = { ...meant(service, options), direction, for: formatDuration(options.for), by }
  const { pause } = await withApi(options, context, (api) =>
    api.post<Answers['/api/scaling/pause']>('/api/scaling/pause', { ...asked, reason }),
  )
  if (options.json) return io.out(`${harmlessJson({ pause })}\n`)
  const said = pausedWords(pause, (ms) => formatMoment(ms, options.utc ?? false))
  const end = `mesoscope scale resume ${pause.service === allServices ? '--all' : pause.service}`
  io.out(`${harmless(`${nameOf(pause)} paused ${said}`)}\n${harmless(`${end} ends it`)}\n`)
}

async function resumeOne(
  service: string | undefined,
  options: MeantOptions,
  context: CommandContext,
): Promise<void> {
  const { io } = context
  const asked = { ...meant(service, options), by: ownerOf(options, context) }
  const answer = await withApi(options, context, (api) =>
    api.post<Answers['/api/scaling/resume']>('/api/scaling/resume', asked),
  )
  const { ended, override, others } = answer
  if (options.json) io.out(`${harmlessJson(answer)}\n`)
  const still = others.map((pause) => {
    const said = pausedWords(pause, (ms) => formatMoment(ms, options.utc ?? false))
    return harmless(`${nameOf(pause)} are paused ${said}`)
  })
  const name = harmless(nameOf(answer))
  if (!ended && !override) throw nothing(`there is no pause of ${name}`, still[0])
  if (options.json) return
  if (ended) io.out(`the pause of ${name} has ended\n`)
  if (override) {
    io.out(`${name} is scaled again, from ${override.instances} instances that were set by hand\n`)
  }
  for (const line of still) io.err(`mesoscope: ${line}\n`)
}

function meant(service: string | undefined, { all }: MeantOptions) {
  if (all && service !== undefined) throw misuse('name a service, or give --all, not both')
  if (all) return { all }
  if (service === undefined) throw misuse('no service is named', 'name one, or give --all')
  return { service }
}

const nameOf = ({ service }: Pick<ScalingPause, 'service'>) =>
  service === allServices ? 'all services' : service

/** Each pause once, a line each; empty where there is none. */
export function pausesText(scaling: readonly ScalingStatus[], utc: boolean): string {
  const pauses = new Map(scaling.flatMap(({ pauses = [] }) => pauses.map((one) => [one.id, one])))
  return [...pauses.values()]
    .map((pause) => {
      const said = pausedWords(pause, (ms) => formatMoment(ms, utc))
      return `${harmless(`paused: ${nameOf(pause)} ${said}`)}\n`
    })
    .join('')
}

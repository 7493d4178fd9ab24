import { allServices, type PauseDirection, type ScalingPause } from '../pipeline/scaling-desk.ts'
import { quoted } from './words.ts'

/** The one that keeps instances from going this way (`0`: that holds both ways); `pauses` as they concern the service. */
export function pauseAgainst(
  direction: number,
  pauses: readonly ScalingPause[],
  nowMs: number,
): ScalingPause | undefined {
  const way = direction > 0 ? 'up' : 'down'
  return pauses.find((pause) => {
    const isMeant = pause.direction === 'both' || (direction !== 0 && pause.direction === way)
    return isMeant && !isOver(pause, nowMs)
  })
}

export const isOver = ({ untilMs }: ScalingPause, nowMs: number) => nowMs >= untilMs

/** `paused by ana until 2026-11-22T20:30:00Z (deploy of 4.2)` */
export function pauseWords(pause: ScalingPause): string {
  const { service, direction, untilMs, by, reason } = pause
  const all = service === allServices ? ' for all services' : ''
  const way = direction === 'both' ? '' : ` ${directionWords[direction]}`
  const said = `${quoted(by, 100)} until ${moment(untilMs)} (${quoted(reason)})`
  return `paused${all}${way} by ${said}`
}

export const directionWords: Record<PauseDirection, string> = {
  up: 'upwards',
  down: 'downwards',
  both: 'up and down',
}

/** To the second, in UTC: what is told once is read by many. */
export const moment = (ms: number) => new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z')

/** Undefined where it is none of this version. */
export function readPause(value: unknown): ScalingPause | undefined {
  const pause = value as Partial<ScalingPause> | null
  const texts = [pause?.id, pause?.service, pause?.by, pause?.reason]
  const isPause =
    texts.every((text) => typeof text === 'string' && text !== '') &&
    [pause?.fromMs, pause?.untilMs].every((ms) => isTime(ms)) &&
    Object.keys(directionWords).includes(pause?.direction ?? '')
  return isPause ? (pause as ScalingPause) : undefined
}

const isTime = (ms: unknown) => typeof ms === 'number' && Math.abs(ms) <= 8.64e15

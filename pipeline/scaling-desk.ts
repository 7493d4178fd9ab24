/** What others may ask of the part that scales. All times are ms. */

import type { Override } from './decision.ts'

/** The key of its requests in the topic `requests`, by which others leave them alone. */
export const scalingRequestKey = 'scaling'

/** In place of a service: all of them. */
export const allServices = '*'

export const pauseDirections = ['up', 'down', 'both'] as const
export type PauseDirection = (typeof pauseDirections)[number]

/** Nothing is forgotten for longer. */
export const longestPauseMs = 30 * 86_400_000
export const usualPauseMs = 4 * 3_600_000

/** Somebody wants no change of instances for a time. */
export interface ScalingPause {
  id: string
  /** Marathon's id, or {@link allServices}. */
  service: string
  /** Only this way; `both`: neither. */
  direction: PauseDirection
  fromMs: number
  untilMs: number
  by: string
  reason: string
}

export type PauseWish = Pick<ScalingPause, 'service' | 'direction' | 'by' | 'reason'> & {
  forMs: number
}

/** What kept a service from being scaled and does so no longer; empty where there was nothing. */
export interface Resumed {
  pause?: ScalingPause
  /** Instances that were set by hand, and respected. */
  override?: Override
}

export interface ScalingDesk {
  /** Those that are not over: at most one of each service, and one of all. */
  pauses(): ScalingPause[]
  /** Takes the place of an earlier one. Resolves when it holds; rejects with Trouble where nobody scales. */
  pause(wish: PauseWish): Promise<ScalingPause>
  /** Resolves once it holds; rejects with Trouble where nobody scales. */
  resume(service: string, by: string): Promise<Resumed>
}

/** Those that concern a service, its own first. */
export function pausesOn(service: string, pauses: readonly ScalingPause[]): ScalingPause[] {
  return [service, allServices].flatMap(
    (name) => pauses.find((pause) => pause.service === name) ?? [],
  )
}

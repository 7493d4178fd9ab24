/** What an answer means for a delivery, and what of it may be told. */
import { isRedirect } from '../../pipeline/http-redirect.ts'
import { cleanLine } from '../clean.ts'
import type { Delivery } from './channel.ts'
import type { WireAnswer, WireFailure } from './wire.ts'

export type Verdict = Pick<Delivery, 'outcome' | 'answered' | 'detail'> & { retryAfterMs?: number }

/** Beside 5xx and the network: which answers pass, and what a good status may hide. */
export interface AnswerRules {
  retried: readonly number[]
  /** Why an answer of 2xx is none; undefined where it is one. */
  fault?(answer: WireAnswer): Pick<Delivery, 'outcome' | 'detail'> | undefined
}

/** As Alertmanager has them. */
export const passesWhenBusy: AnswerRules = { retried: [429] }
export const passesNever: AnswerRules = { retried: [] }

/** Slack answers 200 also to what it does not take. */
export const slackRules: AnswerRules = { retried: [], fault: slackFault }

function slackFault({
  headers,
  text,
  whole,
}: WireAnswer): ReturnType<NonNullable<AnswerRules['fault']>> {
  if (!headers['content-type']?.startsWith('application/json')) {
    if (text === 'ok') return undefined
    return { outcome: whole ? 'refused' : 'failed', detail: text }
  }
  const answer = parsed(text)
  if (!answer) return { outcome: 'failed', detail: 'an answer that is no JSON' }
  return answer['ok'] === true ? undefined : { outcome: 'refused', detail: messageOf(text) }
}

const maxDetail = 200
/** Whoever asks for a longer pause gets this one, ms. */
const longestPauseMs = 5 * 60_000

/** `now` in ms, for a pause that is told as a date. The detail is one line without any of `secrets`. */
export function verdictOf(
  answer: WireAnswer | WireFailure,
  { retried, fault }: AnswerRules,
  secrets: readonly string[],
  now: number,
): Verdict {
  const told = (detail: string) => detailOf(detail, secrets)
  if ('why' in answer) return { outcome: 'failed', answered: false, detail: told(answer.why) }
  const { status, headers } = answer
  const ok = status >= 200 && status < 300
  const hidden = ok ? fault?.(answer) : undefined
  const detail = told(`${status} ${hidden?.detail ?? saidOf(answer)}`)
  if (ok) return { outcome: hidden?.outcome ?? 'accepted', answered: true, detail }
  const passes = status >= 500 || retried.includes(status)
  const pause = status === 429 || status === 503 ? pauseOf(headers['retry-after'], now) : undefined
  return {
    outcome: passes ? 'failed' : 'refused',
    answered: true,
    detail,
    ...(pause === undefined ? {} : { retryAfterMs: pause }),
  }
}

function saidOf({ status, headers, text }: WireAnswer): string {
  const location = isRedirect(status) ? headers['location'] : undefined
  if (location === undefined) return messageOf(text)
  return `redirects to ${URL.parse(location)?.host ?? 'another page'}, which is not followed`
}

/** Seconds or a date; what is neither asks for no pause. */
function pauseOf(retryAfter: string | undefined, now: number): number | undefined {
  if (retryAfter === undefined) return undefined
  const isNumber = /^\d+$/.test(retryAfter)
  const ms = isNumber ? Number(retryAfter) * 1000 : Date.parse(retryAfter) - now
  return ms > 0 ? Math.min(ms, longestPauseMs) : undefined
}

/** Of JSON its message and errors, of HTML its text, else what stands there. */
function messageOf(text: string): string {
  const answer = parsed(text)
  if (answer) {
    const parts = ['message', 'error', 'errors', 'detail'].flatMap((name) => answer[name] ?? [])
    const texts = parts.filter((part) => typeof part === 'string')
    return texts.length > 0 ? texts.join(': ') : text
  }
  if (!/^\s*</.test(text)) return text
  return text.replace(/<(?:style|script)\b[^<>]*>[^<]*/gi, ' ').replace(/<[^<>]*>/g, ' ')
}

function parsed(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null
      ? (value as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}

/** Secrets go first: one that is cut in two would not be known again. */
export function detailOf(text: string, secrets: readonly string[]): string {
  let line = cleanLine(text, text.length)
  for (const secret of secrets) line = line.replaceAll(secret, '[secret]')
  return cleanLine(line, maxDetail)
}

import { pause } from './clock.ts'

/** The action's result, or a rejection after `ms` or at once when `signal` aborts; the action itself goes on. */
export async function within<T>(action: Promise<T>, ms: number, signal?: AbortSignal): Promise<T> {
  const answered = new AbortController()
  const ends = signal ? AbortSignal.any([signal, answered.signal]) : answered.signal
  const expired = pause(ms, ends).then(() => {
    throw new Error(`no answer within ${Math.round(ms / 1000)} s`)
  })
  return Promise.race([action, expired]).finally(() => answered.abort())
}

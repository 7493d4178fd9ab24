import { useCallback, useEffect, useRef, useState } from './lib.js'

/**
 * Asks at once and then every `ms`, one question at a time, not while the page is hidden. The last good answer stays
 * while a later question fails.
 * @param {(signal: AbortSignal) => Promise<any>} ask
 * @param {number} ms 0 asks once
 * @param {unknown[]} inputs asks anew when one changes
 */
export function usePoll(ask, ms, inputs) {
  const [answer, setAnswer] = useState(/** @type {any} */ ({}))
  const [round, setRound] = useState(0)
  const latest = useRef(ask)
  latest.current = ask
  useEffect(() => {
    const ended = new AbortController()
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer
    const again = async () => {
      if (!document.hidden) await once(latest.current, ended.signal, setAnswer)
      if (ms > 0 && !ended.signal.aborted) timer = setTimeout(again, ms)
    }
    const onShow = () => {
      if (document.hidden) return
      clearTimeout(timer)
      void again()
    }
    void again()
    document.addEventListener('visibilitychange', onShow)
    return () => {
      ended.abort()
      clearTimeout(timer)
      document.removeEventListener('visibilitychange', onShow)
    }
  }, [...inputs, ms, round])
  const reload = useCallback(() => setRound((round) => round + 1), [])
  return { ...answer, reload }
}

/**
 * @param {(signal: AbortSignal) => Promise<any>} ask
 * @param {AbortSignal} signal
 * @param {(update: any) => void} setAnswer
 */
async function once(ask, signal, setAnswer) {
  try {
    const data = await ask(signal)
    if (!signal.aborted) setAnswer({ data })
  } catch (error) {
    if (!signal.aborted) setAnswer((/** @type {any} */ before) => ({ data: before.data, error }))
  }
}

/** Draws the caller anew every `ms`, so that ages grow. */
export function useTick(/** @type {number} */ ms) {
  const [, tick] = useState(0)
  useEffect(() => {
    const timer = setInterval(() => tick((count) => count + 1), ms)
    return () => clearInterval(timer)
  }, [ms])
}

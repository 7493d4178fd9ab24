import { harmless } from './harmless.ts'
import type { Io, Running } from './parts.ts'

/**
 * Starts something and stops it at SIGINT or SIGTERM, also when one comes while it is still starting. A second
 * signal ends the process at once. Resolves when all is closed.
 */
export async function untilStopped<R extends Running>(
  io: Io,
  start: (stopping: AbortSignal) => Promise<R>,
  onStarted: (running: R) => void,
): Promise<void> {
  let signals = 0
  const stopping = new AbortController()
  const stopped = new Promise<void>((resolve) => {
    stopping.signal.addEventListener('abort', () => resolve())
  })
  const off = io.onStop((signal) => {
    if (++signals > 1) return io.leave(signal === 'SIGINT' ? 130 : 143)
    io.err(`mesoscope: ${harmless(signal)}: stopping; once more to stop at once\n`)
    stopping.abort()
  })
  // Signal handlers alone do not keep a process alive.
  const alive = setInterval(() => {}, 2 ** 30)
  try {
    const running = await start(stopping.signal).catch((error: unknown) => {
      if (signals === 0) throw error
    })
    // What waited for its start was told to stop, and did.
    if (!running) return
    if (signals === 0) onStarted(running)
    await stopped
    await running.close()
  } finally {
    clearInterval(alive)
    off()
  }
}

import { harmless } from './harmless.ts'
import type { Io, Running } from './parts.ts'

/**
 * Starts something and stops it at SIGINT or SIGTERM, also when one comes while it is still starting. A second
 * signal ends the process at once. Resolves when all is closed.
 */
export async function untilStopped<R extends Running>(
  io: Io,
  start: () => Promise<R>,
  onStarted: (running: R) => void,
): Promise<void> {
  let signals = 0
  let stop = () => {}
  const stopped = new Promise<void>((resolve) => {
    stop = resolve
  })
  const off = io.onStop((signal) => {
    if (++signals > 1) return io.leave(signal === 'SIGINT' ? 130 : 143)
    io.err(`mesoscope: ${harmless(signal)}: stopping; once more to stop at once\n`)
    stop()
  })
  // Signal handlers alone do not keep a process alive.
  const alive = setInterval(() => {}, 2 ** 30)
  try {
    const running = await start()
    if (signals === 0) onStarted(running)
    await stopped
    await running.close()
  } finally {
    clearInterval(alive)
    off()
  }
}

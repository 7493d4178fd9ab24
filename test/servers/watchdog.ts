import { spawn } from 'node:child_process'

/*
 * A shell that outlives us, whose input ends when we do, however that happens: then it kills every process that has our
 * folder in its arguments (a folder made for one server, so they are that server's) and removes the folder.
 */
const script = `
cat > /dev/null
for round in 1 2 3; do
  for proc in /proc/[0-9]*; do
    if grep -qsF "$MESOSCOPE_SERVER_FOLDER" "$proc/cmdline"; then kill -9 "\${proc#/proc/}" 2> /dev/null; fi
  done
  sleep 0.2
done
rm -rf "$MESOSCOPE_SERVER_FOLDER"
`

/** Watches over the processes of one server, which have `folder` in their arguments; `end` ends them and it. */
export function openWatchdog(folder: string): { end(): Promise<void> } {
  const child = spawn('sh', ['-c', script], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    env: { PATH: process.env['PATH'], MESOSCOPE_SERVER_FOLDER: folder },
  })
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()))
  child.unref()
  const input = child.stdin as typeof child.stdin & { unref?(): void }
  input.unref?.()
  return {
    end() {
      child.ref()
      child.stdin.end()
      return ended
    },
  }
}

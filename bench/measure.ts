import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** What is held, without garbage, MB. */
export function heapMb(): number {
  collectGarbage()
  return process.memoryUsage().heapUsed / 1e6
}

/** One line of a bench. */
export function say(name: string, value: string): void {
  process.stdout.write(`${name.padEnd(72)} ${value}\n`)
}

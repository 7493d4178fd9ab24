import { explain } from '../../pipeline/errors.ts'
import { ownDirectory } from '../../pipeline/owner.ts'

/* Owns a directory until it is killed, or prints why it cannot. */
try {
  ownDirectory(process.argv[2] ?? '')
  process.stdout.write('owned\n')
  setInterval(() => {}, 1000)
} catch (error) {
  process.stdout.write(`${explain(error)}\n`)
}

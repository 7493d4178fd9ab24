import { openEmbeddedBus } from '../../../pipeline/bus/embedded.ts'
import { wallClock } from '../../../pipeline/clock.ts'

/* Produces numbered records until it is killed; prints the number of each that was acknowledged. */
const bus = await openEmbeddedBus({ dir: process.argv[2] ?? '', clock: wallClock })
const [from = 0] = await bus.ends('changes')
for (let n = from; ; n++) {
  await bus.produce('changes', [{ key: 'k', value: Buffer.from(`${n} ${'x'.repeat(500)}`) }])
  process.stdout.write(`${n}\n`)
}

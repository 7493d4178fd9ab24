import { openCluster } from './cluster.ts'
import { reckon, type Sample, type ScalingRow } from './reckoning.ts'
import { hpa, ours, seed, type Aim, type Scaler } from './scalers.ts'
import { shapes, type Shape } from './shapes.ts'

const aim: Aim = { target: 15, min: 2, max: 20 }
const startSeconds = 10

/** One load under one way to follow it, second by second; the same each time. */
export function simulate(scaler: Scaler, shape: Shape): ScalingRow {
  const cluster = openCluster({ instances: 2, startSeconds })
  const samples: Sample[] = []
  while (cluster.t < shape.seconds) {
    const load = shape.load(cluster.t)
    cluster.pass(load)
    if (cluster.t % scaler.everySeconds === 0) scaler.look(cluster)
    samples.push({ load, wanted: cluster.wanted, ready: cluster.ready().length })
  }
  return { scaler: scaler.name, shape: shape.name, ...reckon(samples, aim, shape.plateau) }
}

/** All shapes under all of them. */
export function compareScaling(): ScalingRow[] {
  return shapes.flatMap((shape) => [ours, hpa, seed].map((open) => simulate(open(aim), shape)))
}

import test from 'ava'
import { openCluster } from '../../bench/scaling/cluster.ts'
import { measureEvaluations } from '../../bench/scaling/evaluations.ts'
import { inWords } from '../../bench/scaling/reckoning.ts'
import { compareScaling, simulate } from '../../bench/scaling/run.ts'
import { ours, type Scaler } from '../../bench/scaling/scalers.ts'
import { shapes } from '../../bench/scaling/shapes.ts'

const rows = compareScaling()
const of = (shape: string, scaler: string) =>
  rows.find((row) => row.shape === shape && row.scaler.startsWith(scaler))

test('every load is run under every way to follow it, the same each time', (t) => {
  t.is(rows.length, 12)
  t.deepEqual(compareScaling(), rows)
})

test('a step of load: enough within half a minute, none too many, one turn', (t) => {
  t.like(of('step', 'Mesoscope'), { overshoot: 0, flaps: 1 })
  t.true((of('step', 'Mesoscope')?.settlingSeconds ?? Infinity) <= 30)
})

test('it settles sooner and is saturated more briefly than the others, on each load', (t) => {
  for (const { name } of shapes) {
    const own = of(name, 'Mesoscope')
    for (const other of [of(name, 'HPA'), of(name, 'the seed')]) {
      t.true((own?.saturationMinutes ?? 9) <= (other?.saturationMinutes ?? 0), name)
      t.true((own?.overshoot ?? 9) <= (other?.overshoot ?? 0) || own?.overshoot === 0, name)
    }
  }
})

test('it turns no more often than the load does', (t) => {
  for (const [shape, turns] of [
    ['step', 1],
    ['ramp', 1],
    ['sine', 7],
    ['spike', 1],
  ] as const) {
    t.is(of(shape, 'Mesoscope')?.flaps, turns, shape)
  }
})

test('who never moves is saturated as long as the load stays', (t) => {
  const still: Scaler = { name: 'still', everySeconds: 1, look: () => {} }
  const [step] = shapes
  if (!step) return t.fail('there is no step')
  t.like(simulate(still, step), { settlingSeconds: Infinity, flaps: 0, changes: 0 })
  t.regex(inWords(simulate(still, step)).value, /^never enough, 0 too many, /)
  t.is(simulate(still, step).saturationMinutes.toFixed(2), (700 / 60).toFixed(2))
})

test('instances need time to start, and share what there is', (t) => {
  const cluster = openCluster({ instances: 1, startSeconds: 3 })
  cluster.pass(10)
  cluster.scale(2)
  t.false(cluster.isSettled())
  for (let i = 0; i < 3; i++) cluster.pass(10)
  t.true(cluster.isSettled())
  cluster.pass(20)
  t.is(cluster.totalOver(2), 15)
  t.is(cluster.totalOver(2, 1), 10, 'what is not known yet')
  t.deepEqual(
    cluster.instances.map((one) => cluster.eachOver(one, 1)),
    [10, 10],
  )
  cluster.scale(1)
  t.deepEqual(
    cluster.instances.map(({ id }) => id),
    ['task.0'],
  )
})

test('a line of the bench names load, scaler and numbers', (t) => {
  const [step] = shapes
  if (!step) return t.fail('there is no step')
  const { name, value } = inWords(simulate(ours({ target: 15, min: 2, max: 20 }), step))
  t.is(name, 'step load, Mesoscope, each second')
  t.regex(
    value,
    /^enough after \d+ s, 0 too many, 1 turns in \d+ changes, 0\.3 min saturated, 3\.\d\d instance-hours$/,
  )
})

test('what evaluating costs is measured of decisions that are made and written', async (t) => {
  const calm = await measureEvaluations({ services: 3, rounds: 4, changing: false })
  t.is(calm.told, 3, 'each once')
  t.is(calm.rounds.length, 4)
  const busy = await measureEvaluations({ services: 3, rounds: 4, changing: true })
  t.true(busy.told >= 3 * 40, `each service each time, not ${busy.told}`)
  t.true(busy.perSecond > 0)
})

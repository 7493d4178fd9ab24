import test from 'ava'
import { rateAt, type LoadPlan, type LoadShape } from '../../playground/load-shape.ts'

const startedAt = 1_795_647_789_000
const plan = (shape: LoadShape, more: Partial<LoadPlan> = {}): LoadPlan => ({
  shape,
  base: 10,
  amount: 70,
  period: 60,
  startedAt,
  ...more,
})

/** Seconds after the start, and the rate there. */
const shapes: [LoadShape, [number, number][]][] = [
  [
    'steady',
    [
      [-1, 10],
      [0, 70],
      [1000, 70],
    ],
  ],
  [
    'step',
    [
      [-0.001, 10],
      [0, 70],
      [59.9, 70],
      [60, 10],
    ],
  ],
  [
    'ramp',
    [
      [0, 10],
      [15, 25],
      [30, 40],
      [60, 70],
      [90, 70],
    ],
  ],
  [
    'sine',
    [
      [0, 10],
      [15, 40],
      [30, 70],
      [45, 40],
      [60, 10],
      [90, 70],
    ],
  ],
  [
    'spike',
    [
      [0, 70],
      [5.9, 70],
      [6, 10],
      [59, 10],
      [60, 70],
      [66, 10],
    ],
  ],
]
for (const [shape, points] of shapes) {
  test(`${shape}: ${points.map(([second, rate]) => `${rate} at ${second} s`).join(', ')}`, (t) => {
    for (const [second, rate] of points) {
      t.is(Math.round(rateAt(plan(shape), startedAt + second * 1000) * 1000) / 1000, rate)
    }
  })
}

test('when its time is over the rate is what it was before', (t) => {
  const ending = plan('sine', { endsAt: startedAt + 30_000 })
  t.is(Math.round(rateAt(ending, startedAt + 29_999)), 70)
  t.is(rateAt(ending, startedAt + 30_000), 10)
})

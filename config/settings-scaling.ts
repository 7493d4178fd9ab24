import { z } from 'zod'
import {
  amount,
  duration,
  flag,
  oneOf,
  positiveNumber,
  quantity,
  scalingTarget,
  text,
  wholeNumber,
} from './kinds.ts'

const step = z.strictObject({
  signal: text('the name of a signal').describe(
    'Held against the bounds: of a total what each ready instance has, of a signal kept per task the average, of others the value.',
  ),
  above: quantity().optional().describe('More instances while it is above.'),
  below: quantity().optional().describe('Fewer instances while it is below.'),
  add: amount().optional().describe('With `above`: how many more, or which share (rounded up).'),
  remove: amount()
    .optional()
    .describe('With `below`: how many fewer, or which share (rounded down, one at least).'),
})

const ratePolicy = z.strictObject({
  count: wholeNumber(1, 100_000).optional().describe('So many instances at most.'),
  percent: wholeNumber(1, 100_000)
    .optional()
    .describe('Or so many percent of those that were there when the time began.'),
  per: duration(1000).describe('Within such a time, whenever it begins; 1h at most.'),
})

const rates = z.strictObject({
  policies: z
    .array(ratePolicy)
    .prefault([])
    .describe(
      "As Kubernetes' autoscaler has them: `[{ count: 4, per: 15s }, { percent: 100, per: 15s }]`.",
    ),
  select: oneOf(['max', 'min', 'disabled'])
    .prefault('max')
    .describe('The policy that allows most, or least; `disabled`: never in this direction.'),
})

export const scalingPolicy = z.strictObject({
  service: text('the id of an app').describe('The Marathon app to scale.'),
  target: z
    .record(z.string(), scalingTarget())
    .prefault({})
    .describe(
      'How much of a signal one instance shall have, by the name of the signal: `{ requests: 200, cpu: 60% }`; `200` is short for `{ average: 200 }`. `{ behind: { value: 30 } }`: what the service as a whole shall have of a signal that is no total (seconds behind, age of a queue, p95): instances change in proportion to it.',
    ),
  steps: z
    .array(step)
    .prefault([])
    .describe(
      'In place of targets or beside them: so many more while a signal is above a bound, so many fewer while it is below one. Of several bounds of a signal that are passed, the largest change counts; of targets and steps what asks for most. After a change steps wait until all instances are ready and the window of the signal has been measured with them.',
    ),
  min: wholeNumber(0, 100_000)
    .prefault(1)
    .describe('Never fewer instances; 0 only with `activation`.'),
  max: wholeNumber(1, 100_000).describe('Never more instances.'),
  tolerance: positiveNumber()
    .prefault(0.1)
    .describe('Ratios this close to 1 change nothing (0.1: from 0.9 to 1.1).'),
  stabilization: z
    .strictObject({
      up: duration()
        .prefault('0s')
        .describe('Instances rise to the lowest recommendation of this time.'),
      down: duration()
        .prefault('5m')
        .describe('Instances fall to the highest recommendation of this time.'),
    })
    .prefault({})
    .describe('Against flapping.'),
  scale_up: rates.optional().describe('How fast instances may be added; absent: at once.'),
  scale_down: rates.optional().describe('How fast they may be taken away; absent: at once.'),
  warm_up: duration()
    .optional()
    .describe(
      'So long a task counts as not ready after it started: what it uses then tells nothing of the load.',
    ),
  activation: z
    .record(z.string(), quantity())
    .optional()
    .describe(
      'With `min: 0`: above which value of a signal (of the whole service) there is something to do, by its name. While any is above, there is one instance at least.',
    ),
  idle_after: duration()
    .optional()
    .describe(
      'With `activation`: to zero once all of its signals were measured, and none was above, for so long; 5m unless set. A signal that counts lines or changes can bring it back, but is not measured while there are none.',
    ),
  dry_run: flag().prefault(false).describe('Only tell what would be done.'),
  resident: flag()
    .prefault(false)
    .describe('Also scale it if it keeps volumes (is stateful); refused otherwise.'),
  override: duration(0)
    .prefault('10m')
    .describe(
      'So long instances that somebody sets by hand are left as they are, also beyond `min` and `max`; 0: not at all.',
    ),
})

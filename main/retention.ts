import type { Settings } from '../config/settings.ts'
import type { RetentionTimes } from '../processors/retain.ts'
import { everyClass } from '../pipeline/store/retention.ts'

/** What a class does not say is as `default` has it, then as `retention` does. */
export function retentionTimes({
  retention,
  retention_classes,
}: Settings['store']): RetentionTimes {
  const { default: usual = {}, ...others } = retention_classes
  const timesOf = (named: typeof usual) =>
    everyClass((one) => named[one] ?? usual[one] ?? retention)
  const classes = Object.entries(others).map(([name, named]) => [name, timesOf(named)] as const)
  return { ...Object.fromEntries(classes), default: timesOf({}) }
}

import { readStages } from '../alerting/stages/read.ts'
import type { AcrossFault } from '../config/across.ts'
import type { Settings } from '../config/settings.ts'
import { explain } from '../pipeline/errors.ts'

/** Reads Alertmanager's configuration as `run` will; each fault of that file is one of the setting that names it. */
export function checkStages({ notifications }: Settings): AcrossFault[] {
  try {
    readStages(notifications.config)
    return []
  } catch (error) {
    const path = ['notifications', 'config']
    return explain(error)
      .split('\n')
      .map((sentence) => ({ path, sentence }))
  }
}

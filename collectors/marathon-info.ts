import { withoutUndefined } from '../pipeline/without-undefined.ts'
import { partOf, type Problem } from './answer.ts'
import { idOf } from './marathon-values.ts'

export interface MarathonInfo {
  version?: string
  /** `host:port` */
  leader?: string
  /** Mesos' id of this Marathon. */
  framework?: string
  /** Whether it knows of a leader. */
  elected?: boolean
}

export interface InfoRead {
  /** Undefined for what is no description of a Marathon. */
  info: MarathonInfo | undefined
  problems: Problem[]
}

/** `/v2/info`, and what `/v2/leader` tells of it. Never throws. */
export function readInfo(answer: unknown): InfoRead {
  const problems: Problem[] = []
  const part = partOf(answer, problems)
  if (!part) return { info: undefined, problems }
  if (!part.has('version', 'leader', 'frameworkId')) {
    part.note('neither version, leader nor frameworkId')
    return { info: undefined, problems }
  }
  const info = withoutUndefined({
    version: part.text('version'),
    leader: part.text('leader'),
    framework: idOf(part, 'frameworkId'),
    elected: part.flag('elected'),
  })
  return { info, problems }
}

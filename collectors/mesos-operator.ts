import { withoutUndefined } from '../pipeline/without-undefined.ts'
import { partOf, type Problem } from './answer.ts'
import { timeOf } from './mesos-values.ts'

/** Who leads the masters. */
export interface Leader {
  /** New with each start of a master. */
  id?: string
  /** `master@10.0.0.1:5050` */
  pid?: string
  hostname?: string
  version?: string
  electedNs?: bigint
}

/** GET_MASTER: the master that answers, which is the leader. Never throws. */
export function readMaster(answer: unknown): { leader?: Leader; problems: Problem[] } {
  const problems: Problem[] = []
  const holder = partOf(answer, problems)?.part('get_master')
  const info = holder?.part('master_info')
  if (!holder || !info) {
    if (problems.length === 0) problems.push({ path: '$', problem: 'no master_info' })
    return { problems }
  }
  const leader: Leader = withoutUndefined({
    id: info.text('id'),
    pid: info.text('pid'),
    hostname: info.text('hostname'),
    version: info.text('version'),
    electedNs: timeOf(holder, 'elected_time') ?? timeOf(holder, 'start_time'),
  })
  return { leader, problems }
}

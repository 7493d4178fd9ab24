import { alertmanagerReplays } from './alertmanager.ts'
import { needsPeers } from './alertmanager-timing.ts'
import { elastalertReplays } from './elastalert.ts'
import { hpaReplays } from './hpa.ts'
import { nagiosReplays } from './nagios.ts'
import type { OracleCase, Replays } from './oracle.ts'
import { prometheusReplays } from './prometheus.ts'

/** How each file of cases is replayed. */
export const replays: Replays = {
  ...alertmanagerReplays,
  ...elastalertReplays,
  ...hpaReplays,
  ...nagiosReplays,
  ...prometheusReplays,
}

/** Recorded requests and answers: shapes to compare with, no cases to replay (README of the oracles). */
export const captures: ReadonlySet<string> = new Set([
  'alertmanager/receiver-captures',
  'alertmanager/amtool-api-sessions',
  'prometheus/posts-to-alertmanager',
])

/** Cases in which the product differs on purpose: by file, then by id, with the reason. At most 2 % of a file. */
export const knownDifferences: Readonly<Record<string, Readonly<Record<string, string>>>> = {}

/** By file: why a case is outside what the product does, so that it is not replayed at all. It counts as neither passed nor failed. */
export const outside: Readonly<Record<string, (one: OracleCase) => string | undefined>> = {
  'alertmanager/timing': needsPeers,
}

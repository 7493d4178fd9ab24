import { alertmanager } from './alertmanager.ts'
import type { Replays } from './oracle.ts'

/** How each file of cases is replayed. */
export const replays: Replays = { ...alertmanager }

/** Recorded requests and answers: shapes to compare with, no cases to replay (README of the oracles). */
export const captures: ReadonlySet<string> = new Set([
  'alertmanager/receiver-captures',
  'alertmanager/amtool-api-sessions',
  'prometheus/posts-to-alertmanager',
])

/** Cases in which the product differs on purpose: by file, then by id, with the reason. At most 2 % of a file. */
export const knownDifferences: Readonly<Record<string, Readonly<Record<string, string>>>> = {}

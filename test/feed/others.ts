import type { Problem } from '../../collectors/answer.ts'
import { readInstances, readServices } from '../../collectors/consul-answers.ts'
import { instanceIdentity } from '../../collectors/consul-identity.ts'
import { readExposition } from '../../collectors/exposition.ts'
import { isListOf, isRecord, type Kind, type Understood } from './understood.ts'

/** What a `/metrics` answers, by the name of the file; undefined for another file. */
export function readMetricsFile(path: string, bytes: Buffer): Understood | undefined {
  const isOpen = /\.om(\.txt)?$/.test(path)
  if (!isOpen && !/\.prom(\.txt)?$/.test(path)) return undefined
  const read = readExposition(bytes.toString('utf8'), isOpen ? 'openmetrics' : 'text')
  return {
    counts: { series: read.series.length },
    problems: read.problems,
    ...(read.isComplete ? {} : { words: 'it breaks off' }),
  }
}

function instances(value: unknown): Understood {
  const problems: Problem[] = []
  const read = readInstances(value, problems)
  return {
    counts: { instances: read.length },
    problems,
    identities: read.map((one) => instanceIdentity(one, undefined)),
    listed: { there: (value as unknown[]).length, read: read.length },
  }
}

function services(value: unknown): Understood {
  const problems: Problem[] = []
  const read = readServices(value, problems)
  return { counts: { services: read?.length ?? 0 }, problems }
}

/** Consul's answers that are asked for. */
export const consulKinds: readonly Kind[] = [
  { fits: (value) => isListOf(value, (one) => isRecord(one) && 'Service' in one), read: instances },
  {
    fits: (value) =>
      isRecord(value) &&
      Object.keys(value).length > 0 &&
      Object.values(value).every(
        (tags) => isListOf(tags, (tag) => typeof tag === 'string') || isEmpty(tags),
      ),
    read: services,
  },
]

const isEmpty = (value: unknown) => Array.isArray(value) && value.length === 0

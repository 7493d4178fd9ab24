import { asNumber, kindOf, note, partOf, type Problem } from './answer.ts'

export interface MetricsRead {
  /** By Mesos' own names; metrics that come and go with versions and frameworks are all taken. */
  metrics: Record<string, number>
  problems: Problem[]
}

/** `/metrics/snapshot` of master or agent, and the operator API's GET_METRICS. Never throws. */
export function readMetrics(answer: unknown): MetricsRead {
  const problems: Problem[] = []
  const metrics: Record<string, number> = Object.create(null) as Record<string, number>
  const part = partOf(answer, problems)
  const v1 = part?.has('get_metrics') ? part.part('get_metrics') : undefined
  if (v1) {
    for (const one of v1.parts('metrics') ?? []) {
      const name = one.text('name')
      if (name === undefined) one.note('a metric without a name')
      else put(name, one.fields['value'], one.path)
    }
  } else if (part) {
    for (const [name, value] of Object.entries(part.fields)) put(name, value, `$["${name}"]`)
  }

  function put(name: string, value: unknown, path: string): void {
    const number = asNumber(value)
    if (number === undefined) note(problems, path, `expected a number, got ${kindOf(value)}`)
    else metrics[name] = number
  }

  return { metrics, problems }
}

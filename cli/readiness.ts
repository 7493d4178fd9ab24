import { readinessStatuses, type Readiness, type ReadinessStatus } from '../pipeline/readiness.ts'
import { addDataOptions, withSource, type DataOptions } from './data-option.ts'
import { harmless, harmlessJson } from './harmless.ts'
import type { AddCommand } from './parts.ts'
import { exitCodes, failure } from './report.ts'
import { table } from './table.ts'

interface ReadinessOptions extends DataOptions {
  json?: boolean
}

const exitCodeWords = `
It ends with 0 if the service is fit, with 1 if it is not (or nobody could tell): all points have to be ok or
accepted, since what is not known is not good. A service accepts findings by name, in its label mesoscope.posture.accept: "root,one-instance".`

export const addReadiness: AddCommand = (program, context) => {
  const { io } = context
  const command = program
    .command('readiness <service>')
    .description('whether a service is fit for production, and what is missing')
    .option('--json', 'as JSON')
    .addHelpText('after', exitCodeWords)
  addDataOptions(command).action(async (service: string, options: ReadinessOptions) => {
    const readiness = await withSource(options, context, (source) => source.readiness(service))
    io.out(options.json ? `${harmlessJson({ readiness })}\n` : shown(readiness))
    if (!readiness.fit) throw failure(exitCodes.failed, verdict(readiness))
    io.err(`mesoscope: ${harmless(verdict(readiness))}\n`)
  })
}

function shown({ points, notUnderstood }: Readiness): string {
  const worstFirst = points.toSorted((a, b) => rank(a.status) - rank(b.status))
  const rows = worstFirst.map(({ status, point, reason, remedy }) => [
    status,
    point,
    reason,
    remedy ?? '-',
  ])
  const odd = notUnderstood.map(
    (name) => `mesoscope.posture.accept names "${harmless(name)}", which is no finding\n`,
  )
  return `${table(['STATUS', 'POINT', 'REASON', 'REMEDY'], rows)}${odd.join('')}`
}

const rank = (status: ReadinessStatus) => readinessStatuses.indexOf(status)

/** `/shop/web is not fit for production: 2 missing, 1 unknown`. */
function verdict({ service, fit, points }: Readiness): string {
  const count = (status: ReadinessStatus) => points.filter((one) => one.status === status).length
  const counted = readinessStatuses.flatMap((status) =>
    status !== 'ok' && count(status) > 0 ? `${count(status)} ${status}` : [],
  )
  const what = counted.length > 0 ? counted.join(', ') : 'all points are ok'
  return `${service} is ${fit ? '' : 'not '}fit for production: ${what}`
}

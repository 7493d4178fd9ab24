import type { LossAudit } from '../dashboards/api.ts'
import type { Losses } from '../pipeline/store/losses.ts'

/** Whether lines are missing, in one line: `complete: 1,204 lines of 3 sources`. */
export function completeness(losses: Losses & Partial<LossAudit>): string {
  const { complete, sources, lines, gaps, told } = losses
  const counted = `${count(lines, 'line')} of ${count(sources, 'source')}`
  if (complete) return `complete: ${counted}${onItsWay(losses)}`
  const missing = gaps.reduce((sum, { missing: [first, last] }) => sum + last - first + 1, 0)
  const parts = [
    ...(gaps.length > 0
      ? [`${count(missing, 'line')} missing in ${count(gaps.length, 'gap')}`]
      : []),
    ...(told.length > 0 ? [`${count(told.length, 'loss', 'losses')} told by collectors`] : []),
  ]
  return `not complete: ${parts.join(', ')}, beside ${counted}${onItsWay(losses)}`
}

/** Further behind than this is told; less is what every line takes. */
const usualSeconds = 5

function onItsWay({ behindSeconds = 0, lags = [] }: Partial<LossAudit>): string {
  const seconds = Math.max(behindSeconds, ...lags.map((lag) => lag.seconds))
  return seconds < usualSeconds
    ? ''
    : `; those of the last ${Math.round(seconds)} s are on their way`
}

export function count(number: number, one: string, several = `${one}s`): string {
  return `${number.toLocaleString('en')} ${number === 1 ? one : several}`
}

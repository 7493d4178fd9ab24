import type { Conditions, Decision, Outlook, TargetInput } from '../pipeline/decision.ts'
import { allServices, type ScalingPause } from '../pipeline/scaling-desk.ts'
import { directionWords } from './pause.ts'
import { policyLines } from './policy-words.ts'
import { counted, quantity } from './words.ts'

export interface ExplainOptions {
  /** How a time is written, ms. */
  moment: (ms: number) => string
  /** The newest that changed instances, where that is another one. */
  lastChange?: Decision | undefined
  /** Those that concern the service now. */
  pauses?: readonly ScalingPause[] | undefined
}

/** A decision as text for a terminal: what was known, what followed step by step, and what would change it. */
export function explainDecision(decision: Decision, options: ExplainOptions): string {
  const { service, ts, message, policy, answer, conditions, next = [] } = decision
  const { moment, lastChange, pauses = [] } = options
  const sections: [string, string[]][] = [
    ['instances', [instancesWords(decision, moment)]],
    ['targets', decision.inputs.targets.map(targetWords)],
    ['policy', [...policyLines(policy), ...(policy.notes ?? [])]],
    ['steps', stepLines(decision)],
    ['status', conditions ? conditionLines(conditions) : []],
    ['Marathon', answer ? [answerWords(answer)] : []],
    ['next', next.map((outlook) => outlookWords(outlook, moment))],
    ['paused', pauses.map((pause) => allWords(pause) + pausedWords(pause, moment))],
    ['before', lastChange && lastChange.ts !== ts ? [changeWords(lastChange, moment)] : []],
  ]
  const lines = sections.flatMap(([title, said]) =>
    said.map((line, i) => `${(i === 0 ? title : '').padEnd(10)} ${line}`),
  )
  return `${[`${service} at ${moment(ts)}`, message, '', ...lines].join('\n')}\n`
}

function instancesWords({ inputs }: Decision, moment: ExplainOptions['moment']): string {
  const { wanted, running, healthy, staged, stateAtMs, deployments = [], waitingFor = [] } = inputs
  if (wanted === undefined) return 'Marathon told nothing of it'
  const counts = [`${wanted} wanted`]
  if (running !== undefined) counts.push(`${running} running`)
  if (healthy !== undefined) counts.push(`${healthy} healthy`)
  if (staged) counts.push(`${staged} starting`)
  const age = stateAtMs === undefined ? '' : ` (as Marathon told at ${moment(stateAtMs)})`
  const under = deployments.length > 0 ? `; under way: ${deployments.join(', ')}` : ''
  const waiting = waitingFor.length > 0 ? `; waiting for offers: ${waitingFor.join(', ')}` : ''
  return counts.join(', ') + age + under + waiting
}

function targetWords(target: TargetInput): string {
  const { signal, kind, target: wanted, unit, value, measured, expected, proposal, how } = target
  const each = kind === undefined ? ' each' : ''
  const is = value === undefined ? 'no value' : quantity(value, unit) + each
  const bound = kind === 'above' || kind === 'below' ? `step ${kind}` : 'target'
  const coverage =
    measured === undefined || expected === undefined
      ? ''
      : `, ${measured} of ${counted(expected, 'task')} measured`
  const asks = proposal === undefined ? 'cannot tell' : `asks for ${proposal}`
  return `${signal}: ${is}, ${bound} ${quantity(wanted, unit)}${coverage}: ${asks} (${how})`
}

function stepLines({ steps }: Decision): string[] {
  const moves = steps.map(({ before, after }) =>
    before === after ? `${after}` : `${before} → ${after}`,
  )
  const width = (texts: readonly string[]) => Math.max(0, ...texts.map(({ length }) => length))
  const names = width(steps.map(({ step }) => step))
  const counts = width(moves)
  return steps.map(({ step, why }, i) => {
    return `${step.padEnd(names)}  ${(moves[i] ?? '').padStart(counts)}  ${why}`
  })
}

function conditionLines(conditions: Conditions): string[] {
  return Object.entries(conditions).map(([name, { status, reason, message }]) => {
    return `${name.padEnd(14)}  ${status ? 'true ' : 'false'}  ${reason}: ${message}`
  })
}

function answerWords({ status, deployment, message }: NonNullable<Decision['answer']>): string {
  const parts = [
    ...(status === undefined ? [] : [`answered ${status}`]),
    ...(deployment === undefined ? [] : [`deployment ${deployment}`]),
    ...(message === undefined ? [] : [message]),
  ]
  return parts.join(', ')
}

/** `scales down to 4 at the earliest at 12:04:30, when the recommendation of 6 leaves the stabilization window` */
export function outlookWords(
  { change, when, atMs }: Outlook,
  moment: (ms: number) => string,
): string {
  if (atMs === undefined) return `${change} when ${when}`
  return `${change} at the earliest at ${moment(atMs)}, when ${when}`
}

function changeWords({ message, ts }: Decision, moment: (ms: number) => string): string {
  return `${moment(ts)} ${message}`
}

/** `up and down by ana until 20:30:00: deploy of 4.2` */
export function pausedWords(
  { direction, untilMs, by, reason }: ScalingPause,
  moment: (ms: number) => string,
): string {
  return `${directionWords[direction]} by ${by} until ${moment(untilMs)}: ${reason}`
}

const allWords = ({ service }: ScalingPause) => (service === allServices ? 'all services ' : '')

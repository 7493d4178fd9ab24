/** How a matcher on labels compares; Alertmanager's files write it as a sign, its API as two flags. */
export type Operator = '=' | '!=' | '=~' | '!~'

export interface OperatorFlags {
  isRegex: boolean
  isEqual: boolean
}

export function operatorOf({ isRegex, isEqual }: OperatorFlags): Operator {
  if (isRegex) return isEqual ? '=~' : '!~'
  return isEqual ? '=' : '!='
}

export function flagsOf(operator: Operator): OperatorFlags {
  return { isRegex: operator.endsWith('~'), isEqual: operator.startsWith('=') }
}

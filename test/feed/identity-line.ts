import { identityFields, type Identity } from '../../pipeline/identity.ts'

const parts = (Object.keys(identityFields) as (keyof Identity)[]).filter(
  (part) => part !== 'labels',
)

/** `service=/shop/web task=… labels.team=shop`: each part that is known, texts with spaces in quotes. */
export function identityLine(identity: Identity): string {
  const own = parts.flatMap((part): [string, string][] => {
    const value = identity[part]
    return typeof value === 'string' ? [[part, value]] : []
  })
  const labels = Object.entries(identity.labels ?? {}).map(([name, value]): [string, string] => [
    `labels.${name}`,
    value,
  ])
  return [...own, ...labels].map(([name, value]) => `${name}=${shown(value)}`).join(' ')
}

/** Each once, in the order in which they came. */
export function identityLines(identities: readonly Identity[]): string[] {
  return [...new Set(identities.map(identityLine))]
}

const longest = 120

function shown(value: string): string {
  const text = value.length > longest ? `${value.slice(0, 40)}…(${value.length})` : value
  return /[\s"]/.test(text) ? JSON.stringify(text) : text
}

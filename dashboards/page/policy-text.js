/** A policy as it would stand in the settings (YAML), of one as the API tells it. */
export function policyText(policy) {
  const { min, max, tolerance, stabilizationUpMs: up, stabilizationDownMs: down } = policy
  const { scaleUp, scaleDown, warmUpMs, activation, idleAfterMs, dryRun } = policy
  return [
    ...section('target', targets(policy)),
    ...listOf('steps', (policy.steps ?? []).map(step)),
    `min: ${min}`,
    `max: ${max}`,
    `tolerance: ${tolerance}`,
    `stabilization: { up: ${duration(up)}, down: ${duration(down)} }`,
    ...rates('scale_up', scaleUp),
    ...rates('scale_down', scaleDown),
    ...(warmUpMs === undefined ? [] : [`warm_up: ${duration(warmUpMs)}`]),
    ...section('activation', Object.entries(activation ?? {})),
    ...(activation && idleAfterMs !== undefined ? [`idle_after: ${duration(idleAfterMs)}`] : []),
    ...(dryRun ? ['dry_run: true'] : []),
  ].join('\n')
}

function targets({ targets, values = {} }) {
  const whole = Object.entries(values).map(([signal, value]) => [signal, `{ value: ${value} }`])
  return [...Object.entries(targets), ...whole]
}

const section = (name, entries) =>
  entries.length === 0 ? [] : [`${name}:`, ...entries.map(([key, value]) => `  ${key}: ${value}`)]

const listOf = (name, items) =>
  items.length === 0 ? [] : [`${name}:`, ...items.map((item) => `  - ${item}`)]

function step({ signal, above, below, add, remove }) {
  const bound = above === undefined ? `below: ${below}` : `above: ${above}`
  const change = add ? `add: ${amount(add)}` : `remove: ${amount(remove)}`
  return `{ signal: ${signal}, ${bound}, ${change} }`
}

const amount = ({ count, percent }) => count ?? `${percent}%`

function rates(name, rate) {
  if (!rate) return []
  const policies = rate.policies.map(({ count, percent, perMs }) => {
    const most = count === undefined ? `percent: ${percent}` : `count: ${count}`
    return `{ ${most}, per: ${duration(perMs)} }`
  })
  return [`${name}: { select: ${rate.select}, policies: [${policies.join(', ')}] }`]
}

const duration = (ms) => (ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`)

/** What is tried where a service has no policy. */
const usual = {
  targets: { requests: 10 },
  min: 1,
  max: 10,
  tolerance: 0.1,
  stabilizationUpMs: 0,
  stabilizationDownMs: 300_000,
}

/** The policy of now, as it would stand in the settings. */
export function policyText(policy = usual) {
  const { targets, values = {}, steps = [], min, max, tolerance, activation } = policy
  const { stabilizationUpMs, stabilizationDownMs, scaleUp, scaleDown } = policy
  const { warmUpMs, idleAfterMs } = policy
  const target = [
    ...numbers(targets),
    ...Object.entries(values).map(([signal, value]) => `  ${signal}: { value: ${value} }`),
  ]
  return [
    ...(target.length > 0 ? ['target:', ...target] : []),
    ...(steps.length > 0 ? ['steps:', ...steps.map(stepText)] : []),
    `min: ${min}`,
    `max: ${max}`,
    `tolerance: ${tolerance}`,
    `stabilization: { up: ${duration(stabilizationUpMs)}, down: ${duration(stabilizationDownMs)} }`,
    ...ratesText('scale_up', scaleUp),
    ...ratesText('scale_down', scaleDown),
    ...(warmUpMs === undefined ? [] : [`warm_up: ${duration(warmUpMs)}`]),
    ...(activation ? ['activation:', ...numbers(activation)] : []),
    ...(idleAfterMs === undefined ? [] : [`idle_after: ${duration(idleAfterMs)}`]),
  ].join('\n')
}

const numbers = (bySignal) =>
  Object.entries(bySignal).map(([signal, number]) => `  ${signal}: ${number}`)

function stepText({ signal, above, below, add, remove }) {
  const change = above === undefined ? `remove: ${amount(remove)}` : `add: ${amount(add)}`
  const bound = above === undefined ? `below: ${below}` : `above: ${above}`
  return `  - { signal: ${signal}, ${bound}, ${change} }`
}

function ratesText(name, rates) {
  if (!rates) return []
  const policies = rates.policies.map(({ count, percent, perMs }) => {
    const most = count === undefined ? `percent: ${percent}` : `count: ${count}`
    return `    - { ${most}, per: ${duration(perMs)} }`
  })
  return [
    `${name}:`,
    `  select: ${rates.select}`,
    ...(policies.length > 0 ? ['  policies:', ...policies] : []),
  ]
}

const amount = ({ count, percent }) => (count === undefined ? `${percent}%` : count)

const duration = (ms) => (ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`)

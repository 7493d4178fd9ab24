/** A scaling policy as it would stand in the settings. */

const first = {
  targets: { requests: 10 },
  min: 1,
  max: 10,
  tolerance: 0.1,
  stabilizationUpMs: 0,
  stabilizationDownMs: 300_000,
}

/** @param {any} policy of a service; one to begin with where it has none */
export function policyText(policy = first) {
  const { targets, values, steps, activation, scaleUp, scaleDown, warmUpMs, idleAfterMs } = policy
  const { min, max, tolerance, stabilizationUpMs, stabilizationDownMs } = policy
  const wanted = [
    ...Object.entries(targets ?? {}).map(([signal, target]) => `  ${signal}: ${target}`),
    ...Object.entries(values ?? {}).map(([signal, value]) => `  ${signal}: { value: ${value} }`),
  ]
  return [
    ...(wanted.length > 0 ? ['target:', ...wanted] : []),
    ...(steps ? ['steps:', ...steps.map((step) => `  - ${stepText(step)}`)] : []),
    `min: ${min}`,
    `max: ${max}`,
    `tolerance: ${tolerance}`,
    `stabilization: { up: ${length(stabilizationUpMs)}, down: ${length(stabilizationDownMs)} }`,
    ...(scaleUp ? [`scale_up: ${ratesText(scaleUp)}`] : []),
    ...(scaleDown ? [`scale_down: ${ratesText(scaleDown)}`] : []),
    ...(warmUpMs === undefined ? [] : [`warm_up: ${length(warmUpMs)}`]),
    ...(activation ? [`activation: ${flow(activation)}`] : []),
    ...(idleAfterMs === undefined ? [] : [`idle_after: ${length(idleAfterMs)}`]),
  ].join('\n')
}

const length = (ms) => (ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`)

const flow = (map) =>
  `{ ${Object.entries(map)
    .map(([name, value]) => `${name}: ${value}`)
    .join(', ')} }`

const amount = ({ count, percent }) => (count === undefined ? `${percent}%` : count)

function stepText({ signal, above, below, add, remove }) {
  return flow({
    signal,
    ...(above === undefined ? {} : { above }),
    ...(below === undefined ? {} : { below }),
    ...(add ? { add: amount(add) } : {}),
    ...(remove ? { remove: amount(remove) } : {}),
  })
}

function ratesText({ select, policies }) {
  const list = policies.map(({ perMs, ...limit }) => flow({ ...limit, per: length(perMs) }))
  return `{ select: ${select}, policies: [${list.join(', ')}] }`
}

import { html } from './lib.js'

/** "2 of 3 healthy, 1 starting"; one that cannot be reached is not healthy, whatever its last check said. */
export const Instances = ({ of: { instances } }) => {
  if (!instances) return null
  const { wanted, staged, unhealthy, running } = instances
  const healthy = Math.min(instances.healthy, running)
  return html`<span class="instances ${healthy < wanted ? 'instances-short' : ''}">
    <b>${healthy}</b> of <b>${wanted}</b><span class="long"> healthy</span>
    ${staged > 0 && html`<span class="dim">, ${staged} starting</span>`}
    ${unhealthy > 0 && html`<span class="dim">, ${unhealthy} unhealthy</span>`}
  </span>`
}

/** Services that look well may only be unheard. */
export const OwnTrouble = ({ health }) => {
  if (!health || health.status === 'green') return null
  const isIll = ({ status }) => status !== 'green'
  // Each process tells of its own parts; on a cluster there are several.
  const ill = health.processes.filter(isIll)
  const parts = ill.length > 0 ? ill.flatMap((one) => one.health.components) : health.components
  const troubled = parts.filter(isIll)
  const named = [
    ...troubled.map(({ name, trouble }) => (trouble ? `${name} (${trouble})` : name)),
    ...ill
      .filter(({ isSilent }) => isSilent)
      .map(({ roles, host }) => `${roles.join(', ')} on ${host} (silent)`),
  ]
  const unseen = troubled.some(({ name }) => name.startsWith('collector '))
  const old = health.status === 'red' || unseen ? '; what stands here may be old' : ''
  return html`<section class="verdict verdict-${health.status}">
    <span class="dot dot-${health.status}"></span>
    <span>${`Mesoscope itself is in trouble${old}: ${named.join(', ')}. `}</span>
    <a href="#/health">Health</a>
  </section>`
}

/** An alert on changes leads to those, one on metrics to the service. */
export function whatIsBehind(link) {
  if (link.startsWith('#/changes')) return 'What happened'
  return link.startsWith('#/service') ? 'The service' : 'Its lines'
}

/** "5.2 errors/s > 1" */
export const Value = ({ alert }) => {
  if (alert.explanation && alert.state !== 'unknown')
    return html`<b class="value">${alert.explanation}</b>`
  const { state, value } = alert
  return html`<span class="value">
    <b>${state === 'unknown' || value === undefined ? 'no data' : Number(value.toPrecision(3))}</b>
    <span class="dim"> against ${alert.threshold}</span>
  </span>`
}

/** Labels that mean something to us. */
const names = [
  'files',
  'level',
  'lines_per_second',
  'logs',
  'metrics',
  'metrics_port',
  'multiline',
  'parser',
  'posture.accept',
  'sample',
  'spool',
] as const
export type OwnLabel = (typeof names)[number]

/** As Docker has them, and as Marathon's stand in the environment of its containers. */
const written = new Map(
  names.map((name) => [
    name,
    { docker: `mesoscope.${name}`, marathon: `mesoscope_${name.replaceAll('.', '_')}` },
  ]),
)

/** What a service asks for by one of our labels. */
export function ownLabel(
  labels: Record<string, unknown> | undefined,
  name: OwnLabel,
): string | undefined {
  if (!labels) return undefined
  const { docker, marathon } = written.get(name) as { docker: string; marathon: string }
  const text = labels[docker] ?? labels[marathon]
  return typeof text === 'string' ? text : undefined
}

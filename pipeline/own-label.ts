/** Labels that mean something to us begin with this. */
const prefix = 'mesoscope.'

/** What a service asks for by our label: Docker's, or Marathon's as it stands in the environment of its containers. */
export function ownLabel(
  labels: Record<string, unknown> | undefined,
  name: string,
): string | undefined {
  const text =
    labels?.[prefix + name] ?? labels?.[`${prefix}${name}`.replaceAll(/[^A-Za-z0-9]/g, '_')]
  return typeof text === 'string' ? text : undefined
}

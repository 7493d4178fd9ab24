/** The shape of JSON answers: which fields there are, and of what type, whatever their values. */

/**
 * The fields that all of the samples have, with the type they have there; a field of several types, and one that is null
 * somewhere, is left out. `/tasks/[]/id` is of each element; objects that are maps (`labels`) are named in `maps`.
 */
export function commonFields(
  samples: readonly unknown[],
  maps: readonly string[] = [],
): Map<string, string> {
  const found = new Map<string, string>()
  collect(samples, '', maps, found)
  return found
}

function collect(
  samples: readonly unknown[],
  path: string,
  maps: readonly string[],
  found: Map<string, string>,
): void {
  const kinds = new Set(samples.map(kindOf))
  const [kind] = kinds
  if (kinds.size !== 1 || kind === undefined || kind === 'null') return
  if (path !== '') found.set(path, kind)
  if (kind === 'array') {
    const elements = (samples as unknown[][]).flat()
    if (elements.length > 0) collect(elements, `${path}/[]`, maps, found)
  } else if (kind === 'object' && !maps.some((map) => path.endsWith(`/${map}`))) {
    const objects = samples as Record<string, unknown>[]
    for (const name of Object.keys(objects[0] ?? {})) {
      if (objects.some((one) => !(name in one))) continue
      collect(
        objects.map((one) => one[name]),
        `${path}/${name}`,
        maps,
        found,
      )
    }
  }
}

function kindOf(value: unknown): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'array' : typeof value
}

/** What of these fields the value has not, or has as another type: `missing /x`, `type /y`. Empty lists have all. */
export function lacks(value: unknown, fields: ReadonlyMap<string, string>): string[] {
  const faults = [...fields].flatMap(([path, kind]) => {
    const values = at([value], path.slice(1).split('/'))
    if (values.includes(undefined)) return [`missing ${path}`]
    return values.every((one) => kindOf(one) === kind) ? [] : [`type ${path}`]
  })
  // What is below a field that is not there is not told again.
  const paths = faults.map(pathOf)
  return faults.filter((fault) => !paths.some((path) => pathOf(fault).startsWith(`${path}/`)))
}

function pathOf(fault: string): string {
  return fault.split(' ')[1] ?? ''
}

function at(values: readonly unknown[], parts: readonly string[]): unknown[] {
  const [part, ...rest] = parts
  if (part === undefined) return [...values]
  if (part === '[]')
    return at(
      values.flatMap((one) => (Array.isArray(one) ? one : [])),
      rest,
    )
  return at(
    values.map((one) => (one as Record<string, unknown> | undefined)?.[part]),
    rest,
  )
}

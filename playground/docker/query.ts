/** Parameters of Docker's API. */

/** A parameter that is refused, with the status that Docker answers. */
export class Refusal extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/** Anything but nothing, `0`, `no`, `false` and `none` is yes. */
export function isSet(query: URLSearchParams, name: string): boolean {
  const value = (query.get(name) ?? '').trim().toLowerCase()
  return !['', '0', 'no', 'false', 'none'].includes(value)
}

/**
 * Seconds since the epoch with a fraction, in nanoseconds; undefined if it is not there.
 * Throws a {@link Refusal} with 500, as Docker answers to RFC 3339.
 */
export function timestamp(query: URLSearchParams, name: string): bigint | undefined {
  const value = query.get(name) ?? ''
  if (value === '' || value === '0') return undefined
  const [seconds = '', fraction = '0'] = value.split(/\.(.*)/s)
  for (const part of [seconds, fraction]) {
    if (!/^[+-]?\d+$/.test(part)) {
      throw new Refusal(500, `strconv.ParseInt: parsing ${JSON.stringify(part)}: invalid syntax`)
    }
  }
  return BigInt(seconds) * 1_000_000_000n + BigInt(fraction.padEnd(9, '0').slice(0, 9))
}

/** `filters={"label": ["team=payments"]}`, also in the older form `{"label": {"team=payments": true}}`. */
export interface Filters {
  /** True where nothing is asked of that name. */
  match(name: string, test: (wanted: string) => boolean): boolean
  /** True where every value is met: labels. */
  matchAll(name: string, test: (wanted: string) => boolean): boolean
  has(name: string): boolean
}

/** Throws a {@link Refusal} with 400 where they are not understood. */
export function readFilters(query: URLSearchParams, known: readonly string[]): Filters {
  const wanted = parseFilters(query.get('filters') ?? '')
  for (const name of wanted.keys()) {
    if (!known.includes(name)) throw new Refusal(400, `Invalid filter '${name}'`)
  }
  const values = (name: string) => wanted.get(name) ?? []
  return {
    match: (name, test) => values(name).length === 0 || values(name).some(test),
    matchAll: (name, test) => values(name).every(test),
    has: (name) => values(name).length > 0,
  }
}

function parseFilters(text: string): Map<string, string[]> {
  if (text === '') return new Map()
  const refused = () => new Refusal(400, `invalid filter: ${text}`)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw refused()
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw refused()
  return new Map(
    Object.entries(value).map(([name, list]) => {
      if (Array.isArray(list)) return [name, list.map(String)]
      if (typeof list !== 'object' || list === null) throw refused()
      return [name, Object.keys(list)]
    }),
  )
}

/** `key`, or `key=value`. */
export function hasLabel(labels: Record<string, string>, wanted: string): boolean {
  const [key = '', value] = wanted.split(/=(.*)/s)
  return Object.hasOwn(labels, key) && (value === undefined || labels[key] === value)
}

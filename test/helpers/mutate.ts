import fc from 'fast-check'

/** What may stand where something else is expected. */
const odd = (): unknown[] => [
  null,
  '',
  'text',
  'x'.repeat(10_000),
  '\u0000\u001b[31m',
  '\ud800',
  0,
  -1,
  1.5,
  1e300,
  2n ** 70n,
  true,
  [],
  [null],
  [[[]]],
  {},
  { id: {} },
  { value: 7 },
  { nanoseconds: 'soon' },
  { __proto__: null, constructor: 1, toString: 2 },
  nested(300, (value) => ({ apps: [{ id: '/a' }], groups: [value] })),
  nested(300, (value) => ({ id: 'a', tasks: [value] })),
  nested(300, (value) => [value]),
]

function nested(depth: number, around: (value: unknown) => unknown): unknown {
  let value: unknown = {}
  for (let i = 0; i < depth; i++) value = around(value)
  return value
}

interface Place {
  holder: Record<string, unknown> | unknown[]
  key: string | number
}

function placesIn(value: unknown, places: Place[] = []): Place[] {
  if (typeof value !== 'object' || value === null) return places
  const holder = value as Record<string, unknown>
  for (const key of Array.isArray(value) ? value.keys() : Object.keys(value)) {
    places.push({ holder, key })
    placesIn(holder[key], places)
  }
  return places
}

type How = 'remove' | 'rename' | 'replace' | 'repeat'

/** Something that is done to a value: where, how, with what. */
export type Mutation = [at: number, how: How, what: number]

/** A copy with fields that are missing, renamed, of another type, huge or deep. */
export function mutated(value: unknown, steps: readonly Mutation[]): unknown {
  const copy: unknown = structuredClone(value)
  for (const step of steps) mutate(copy, step)
  return copy
}

/** In place. */
function mutate(value: unknown, [at, how, what]: Mutation): void {
  const places = placesIn(value)
  const place = places[at % Math.max(1, places.length)]
  if (!place) return
  const { holder, key } = place
  const fields = holder as Record<string | number, unknown>
  if (how === 'replace') fields[key] = odd()[what % odd().length]
  else if (how === 'repeat') fields[key] = Array.from({ length: 30 }, () => fields[key])
  else {
    if (how === 'rename') fields[`${key}X`] = fields[key]
    if (Array.isArray(holder)) holder.splice(Number(key), 1)
    else delete fields[key]
  }
}

/** At most one is repeated: the copies are one object, and would grow with each other. */
export const mutations: fc.Arbitrary<Mutation[]> = fc
  .tuple(
    fc.array(fc.tuple(fc.nat(), fc.constantFrom<How>('remove', 'rename', 'replace'), fc.nat()), {
      minLength: 1,
      maxLength: 4,
    }),
    fc.array(fc.tuple(fc.nat(), fc.constant<How>('repeat'), fc.nat()), { maxLength: 1 }),
  )
  .map(([some, repeat]): Mutation[] => [...some, ...repeat])

import stringify from 'fast-json-stable-stringify'
import { unresolvedService, type Identity } from '../pipeline/identity.ts'

/** What the events of an identity are counted for; the same object for the same group. */
export interface Place {
  group: Identity
  /** The group as text, the same whatever the order of its parts. */
  text: string
}

export type PlaceOf = (identity: Identity) => Place

/** Far more than a process sees groups in an hour; it only bounds the memory that invented names take. */
const maxKnown = 50_000

/** Gives, for the parts that signals are measured by, where events belong: each group is made once for all of them. */
export function openPlaces(): (by: readonly (keyof Identity)[]) => PlaceOf {
  const known = new Map<string, PlaceOf>()
  return (by) => {
    const placeOf = known.get(by.join()) ?? rememberPlaces(by)
    known.set(by.join(), placeOf)
    return placeOf
  }
}

function rememberPlaces(by: readonly (keyof Identity)[]): PlaceOf {
  const places = new Map<unknown, Place>()
  const [only] = by
  const keyOf =
    by.length === 1 && only !== undefined
      ? (identity: Identity): unknown => identity[only]
      : (identity: Identity): unknown => JSON.stringify(by.map((part) => identity[part]))
  return (identity) => {
    const key = keyOf(identity)
    const before = places.get(key)
    if (before) return before
    const group = groupOf(by, identity)
    const place = { group, text: stringify(group) }
    if (places.size >= maxKnown) places.clear()
    places.set(key, place)
    return place
  }
}

/** Parts that are not known are left out; what has no service counts for all that are unresolved. */
function groupOf(by: readonly (keyof Identity)[], identity: Identity): Identity {
  const known = { ...identity, service: identity.service ?? unresolvedService }
  return Object.fromEntries(
    by.flatMap((part) => (known[part] === undefined ? [] : [[part, known[part]]])),
  )
}

import type { AcrossFault } from './across.ts'
import type { Path } from './faults.ts'
import type { Settings } from './settings.ts'

type Collectors = Settings['collectors']
type Item =
  | Collectors['marathon'][number]
  | Collectors['mesos_master'][number]
  | Collectors['mesos_agent'][number]

/** A connection to Mesos or Marathon that is right in itself, and where it stands. */
export interface Connection {
  path: Path
  item: Item
}

/** Each login and certificate is whole, each address plain and asked by one collector of its kind. */
export function checkConnections(connections: readonly Connection[]): AcrossFault[] {
  return [...connections.flatMap(loginFaults), ...addressFaults(connections)]
}

function loginFaults({ path, item }: Connection): AcrossFault[] {
  const faults = [
    ...aloneFaults(item, path, ['user', 'password']),
    ...aloneFaults(item, path, ['cert', 'key']),
  ]
  if (item.token && item.user !== undefined) {
    faults.push({
      path: [...path, 'token'],
      sentence: 'cannot stand beside user: one login is sent',
    })
  }
  return faults
}

/** Of two settings each needs the other. */
export function aloneFaults<Part extends string>(
  item: { readonly [Of in Part]?: unknown },
  path: Path,
  [one, other]: readonly [Part, Part],
): AcrossFault[] {
  if ((item[one] === undefined) === (item[other] === undefined)) return []
  const [present, missing] = item[one] === undefined ? [other, one] : [one, other]
  return [{ path: [...path, present], sentence: `needs ${missing} beside it` }]
}

function addressFaults(connections: readonly Connection[]): AcrossFault[] {
  const seen = new Set<string>()
  return connections.flatMap(({ path, item }) =>
    addressesOf(item, path).flatMap(({ at, address }) => {
      const url = new URL(address)
      // The address is not shown: it may hold a password.
      if (url.username || url.password) {
        return [{ path: at, sentence: 'holds a login: set user and password instead' }]
      }
      const shown = JSON.stringify(address)
      const isScraped = path[1] === 'prometheus'
      if ((url.search && !isScraped) || url.hash) {
        return [
          { path: at, sentence: `${shown} is more than an address: leave out what follows ? or #` },
        ]
      }
      const key = `${path[1]} ${url.origin}${url.pathname.replace(/\/+$/, '')}${url.search}`
      if (!seen.has(key)) {
        seen.add(key)
        return []
      }
      return [{ path: at, sentence: `${shown} is named already` }]
    }),
  )
}

function addressesOf(item: Item, path: Path): { at: Path; address: string }[] {
  if ('url' in item) return [{ at: [...path, 'url'], address: item.url }]
  return item.urls.map((address, i) => ({ at: [...path, 'urls', i], address }))
}

/** The tree of routes: which ones take an alert, with the settings that each has or inherits. */
import { type Labels } from './labels.ts'
import { matchesAll, matchersText, type Matcher } from './matcher.ts'

/** A node as it is declared: what is left out is inherited from its parent. Times in ms. */
export interface RouteDeclaration {
  receiver?: string
  matchers: readonly Matcher[]
  continue: boolean
  /** `'all'` for `...`. */
  groupBy?: readonly string[] | 'all'
  groupWait?: number
  groupInterval?: number
  repeatInterval?: number
  /** Names; these two are never inherited. */
  muteTimeIntervals: readonly string[]
  activeTimeIntervals: readonly string[]
  /** Told with each notification; those of the routes above belong to it. */
  labels: Labels
  routes: readonly RouteDeclaration[]
}

export interface Route {
  /** Its place in the tree: `0.2.1`. */
  id: string
  /** `{}/{team="web"}`: the matchers from the root to here, the first part of the group keys. */
  key: string
  matchers: readonly Matcher[]
  continue: boolean
  receiver: string
  groupBy: ReadonlySet<string> | 'all'
  groupWait: number
  groupInterval: number
  repeatInterval: number
  muteTimeIntervals: readonly string[]
  activeTimeIntervals: readonly string[]
  labels: Labels
  routes: readonly Route[]
}

type Inherited = Pick<
  Route,
  | 'id'
  | 'key'
  | 'receiver'
  | 'groupBy'
  | 'groupWait'
  | 'groupInterval'
  | 'repeatInterval'
  | 'labels'
>

/** What the root has where it says nothing: waits of 30 s, 5 min and 4 h, one group for all alerts. */
const rootDefaults: Inherited = {
  id: '',
  key: '',
  receiver: '',
  groupBy: new Set(),
  groupWait: 30_000,
  groupInterval: 300_000,
  repeatInterval: 14_400_000,
  labels: {},
}

export function buildRoutes(root: RouteDeclaration): Route {
  return build(root, rootDefaults, 0)
}

function build(declared: RouteDeclaration, parent: Inherited, index: number): Route {
  const own: Inherited = {
    id: parent.id === '' ? String(index) : `${parent.id}.${index}`,
    key: (parent.key === '' ? '' : `${parent.key}/`) + matchersText(declared.matchers),
    receiver: declared.receiver ?? parent.receiver,
    groupBy: groupByOf(declared) ?? parent.groupBy,
    groupWait: declared.groupWait ?? parent.groupWait,
    groupInterval: declared.groupInterval ?? parent.groupInterval,
    repeatInterval: declared.repeatInterval ?? parent.repeatInterval,
    labels: { ...parent.labels, ...declared.labels },
  }
  return {
    ...own,
    matchers: declared.matchers,
    continue: declared.continue,
    muteTimeIntervals: declared.muteTimeIntervals,
    activeTimeIntervals: declared.activeTimeIntervals,
    routes: declared.routes.map((child, i) => build(child, own, i)),
  }
}

function groupByOf({ groupBy }: RouteDeclaration): Route['groupBy'] | undefined {
  if (groupBy === undefined || groupBy === 'all') return groupBy
  return new Set(groupBy)
}

/**
 * The routes that take an alert, in order: of the children those that match, up to and with the first that does not say
 * `continue`; the node itself where no child matches. None where the root does not match.
 */
export function routesOf(route: Route, labels: Labels): Route[] {
  if (!matchesAll(route.matchers, labels)) return []
  const taken: Route[] = []
  for (const child of route.routes) {
    const found = routesOf(child, labels)
    for (const one of found) taken.push(one)
    if (found.length > 0 && !child.continue) break
  }
  return taken.length > 0 ? taken : [route]
}

/** Every route by its id. */
export function routesById(root: Route): Map<string, Route> {
  const byId = new Map([[root.id, root]])
  for (const child of root.routes) for (const [id, route] of routesById(child)) byId.set(id, route)
  return byId
}

/** The labels that name the alert's group under a route; a missing label is missing here too. */
export function groupLabelsOf({ groupBy }: Route, labels: Labels): Labels {
  if (groupBy === 'all') return labels
  const own = Object.entries(labels).filter(([name]) => groupBy.has(name))
  return Object.fromEntries(own)
}

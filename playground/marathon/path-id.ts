/** Marathon's ids of apps, pods and groups: `/shop/web`. */

const segment = /^(([a-z0-9]|[a-z0-9][a-z0-9-]*[a-z0-9])\.)*([a-z0-9]|[a-z0-9][a-z0-9-]*[a-z0-9])$/

/** Absolute, without doubled slashes and `.`/`..`; people write `/v2/apps//shop/web`. */
export function absolutePath(id: string, base = '/'): string {
  const parts: string[] = id.startsWith('/') ? [] : base.split('/').filter(Boolean)
  for (const part of id.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '' && part !== '.') parts.push(part)
  }
  return `/${parts.join('/')}`
}

export function isPathId(id: string): boolean {
  return id
    .split('/')
    .filter(Boolean)
    .every((part) => segment.test(part))
}

export function parentPath(id: string): string {
  return absolutePath(id.slice(0, id.lastIndexOf('/')))
}

export function isUnder(id: string, group: string): boolean {
  return group === '/' || id === group || id.startsWith(`${group}/`)
}

/** `/shop/web` as `shop_web`, in task ids. */
export function safePath(id: string): string {
  return id.slice(1).replaceAll('/', '_')
}

/** `/shop/web` as `web.shop`, the name of tasks. */
export function hostnamePath(id: string): string {
  return id.split('/').filter(Boolean).toReversed().join('.')
}

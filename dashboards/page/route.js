import { useEffect, useState } from './lib.js'

/** @typedef {Record<string, string | undefined | null>} RouteParams */

/** The address behind #: `#/logs?service=/shop/web` → view `logs` and its parameters. */
export function readRoute() {
  const [path = '', query = ''] = location.hash.replace(/^#\/?/, '').split(/\?(.*)/s)
  return { view: path || 'services', params: Object.fromEntries(new URLSearchParams(query)) }
}

/** Slashes and colons stay readable: these addresses stand in mails. */
export function linkTo(/** @type {string} */ view, /** @type {RouteParams} */ params = {}) {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(params)) if (value) query.set(name, value)
  const text = query.toString().replaceAll('%2F', '/').replaceAll('%3A', ':').replaceAll('%2C', ',')
  return text ? `#/${view}?${text}` : `#/${view}`
}

/** With `replace` the change leaves no step for the browser's Back. */
export function go(/** @type {string} */ hash, { replace = false } = {}) {
  if (hash === location.hash) return
  if (replace) history.replaceState(null, '', hash)
  else history.pushState(null, '', hash)
  window.dispatchEvent(new HashChangeEvent('hashchange'))
}

export function useRoute() {
  const [route, setRoute] = useState(readRoute)
  useEffect(() => {
    const follow = () => setRoute(readRoute())
    window.addEventListener('hashchange', follow)
    window.addEventListener('popstate', follow)
    return () => {
      window.removeEventListener('hashchange', follow)
      window.removeEventListener('popstate', follow)
    }
  }, [])
  return route
}

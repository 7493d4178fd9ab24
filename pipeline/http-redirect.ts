export const maxRedirects = 5

const redirects = [301, 302, 303, 307, 308]

export const isRedirect = (status: number) => redirects.includes(status)

/** Where a redirect leads, or why it is not followed, as the end of a sentence. */
export type Redirect = { url: URL; method: string; dropsBody: boolean } | { refused: string }

/**
 * Masters and Marathons lead to the leader with a `Location` that may be without protocol (`//host:5050/state`) or relative.
 * 307 and 308 keep the method and the body, 303 asks with GET; after 301 and 302 only a POST becomes a GET.
 */
export function redirectOf(status: number, from: URL, method: string, location: string): Redirect {
  const url = URL.parse(location, from.href)
  if (!url) return { refused: `redirects to ${JSON.stringify(location)}, which is no address` }
  if (url.protocol !== from.protocol) {
    return { refused: `redirects to ${url.protocol}//${url.host}, another protocol` }
  }
  const becomesGet = status === 303 || (status < 303 && method === 'POST')
  return { url, method: becomesGet ? 'GET' : method, dropsBody: becomesGet }
}

// Log content is data: nothing in it may colour, hide or reorder what the reader sees.

// oxlint-disable-next-line no-control-regex -- terminal escapes are what it looks for
const escapes = /\u001b(?:\[[0-9;:?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?)/g
// C0 and C1 controls except tab and newline; marks that reorder or hide text.
const hidden =
  // oxlint-disable-next-line no-control-regex -- controls are what it looks for
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]/g

/** Without terminal escapes; other control characters become visible ones. */
export function visible(/** @type {string} */ text) {
  return text
    .replace(escapes, '')
    .replace(/\r(?=\n|$)/g, '')
    .replace(hidden, (char) => {
      const hex = (char.codePointAt(0) ?? 0).toString(16).toUpperCase()
      return hex.length > 2 ? `⟨U+${hex.padStart(4, '0')}⟩` : `⟨${hex.padStart(2, '0')}⟩`
    })
}

/**
 * Enough of a task's id to tell instances apart: the uuid's first part, or the name's end. Marathon keeps the uuid where
 * it starts an instance again and counts: of the second there is `6de55469.2`.
 */
export function shortTask(/** @type {unknown} */ task) {
  if (typeof task !== 'string') return ''
  const uuid = /\.(?:instance-|marathon-)?([0-9a-f]{8})-[0-9a-f-]{20,}(?:\.[^.]+\.(\d+)$)?/.exec(
    task,
  )
  if (uuid?.[1]) return uuid[2] && uuid[2] !== '1' ? `${uuid[1]}.${uuid[2]}` : uuid[1]
  // Chronos: the time of the run tells it apart, the name of the job stands at the end.
  const run = /^ct:\d+/.exec(task)
  if (run) return run[0]
  return task.length <= 16 ? task : `…${task.slice(-15)}`
}

/** A stable colour for a name; names that differ little differ much in it. */
export function hue(/** @type {unknown} */ name) {
  let hash = 0x811c9dc5
  for (const char of String(name)) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
  return ((hash ^ (hash >>> 13)) >>> 0) % 360
}

/** The bare words and phrases of a query, to be marked in the lines it found. */
export function wordsOf(/** @type {string} */ query) {
  const words = []
  for (const [, quoted, bare] of query.matchAll(
    /(?:^|[\s(])(?:"([^"]+)"|([^\s()":]+))(?=[\s)]|$)/g,
  )) {
    const word = quoted ?? bare ?? ''
    if (!/^(AND|OR|NOT|[*?]+)$/.test(word) && !/[*?<>=/]/.test(word)) words.push(word)
  }
  return words
}

/** The text in pieces: every second one is a match of a word. */
export function marked(/** @type {string} */ text, /** @type {string[]} */ words) {
  if (words.length === 0) return [text]
  const source = words.map((word) => word.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&')).join('|')
  // Whole words only, as the search itself does.
  return text.split(new RegExp(`(?<![\\p{L}\\p{N}])(${source})(?![\\p{L}\\p{N}])`, 'giu'))
}

const scales = /** @type {const} */ ([
  [1e9, 'G'],
  [1e6, 'M'],
  [1e4, 'k'],
])

/** 1234 → 1,234; 52300 → 52 k. */
export function amount(/** @type {number} */ count) {
  for (const [size, sign] of scales) {
    if (count >= size) {
      const scaled = count / (sign === 'k' ? 1000 : size)
      return `${scaled.toFixed(scaled < 10 ? 1 : 0)} ${sign}`
    }
  }
  return count.toLocaleString('en')
}

export const plural = (
  /** @type {number} */ count,
  /** @type {string} */ noun,
  several = `${noun}s`,
) => `${amount(count)} ${count === 1 ? noun : several}`

/** A link only where it leads to a page, never to a script. */
export function safeLink(/** @type {unknown} */ link) {
  if (typeof link !== 'string') return undefined
  if (link.startsWith('#/')) return link
  try {
    const url = new URL(link)
    if (url.origin === location.origin && url.hash.startsWith('#/')) return url.hash
    return url.protocol === 'https:' || url.protocol === 'http:' ? url.href : undefined
  } catch {
    return undefined
  }
}

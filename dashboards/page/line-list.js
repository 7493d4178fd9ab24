/**
 * Lines, newest first, each once: a line may arrive both by the tail and by the search.
 * @param {number} most the oldest ones beyond are left out
 */
export function openLineList(most) {
  const seen = new Set()
  const list = {
    /** @type {any[]} */
    lines: [],
    /** Whether lines were left out. */
    cut: false,
    add(/** @type {any[]} */ docs) {
      const fresh = docs.filter((doc) => !seen.has(doc['event.id']))
      for (const doc of fresh) seen.add(doc['event.id'])
      list.lines = merged(list.lines, fresh)
      if (list.lines.length <= most) return
      for (const doc of list.lines.splice(most)) seen.delete(doc['event.id'])
      list.cut = true
    },
  }
  return list
}

/** New lines almost always belong on top, further pages at the end. */
function merged(/** @type {any[]} */ lines, /** @type {any[]} */ fresh) {
  if (fresh.length === 0) return lines
  const sorted = fresh.toSorted(newestFirst)
  const newest = lines[0]
  const oldest = lines.at(-1)
  if (!newest || newestFirst(sorted.at(-1), newest) <= 0) return [...sorted, ...lines]
  if (newestFirst(oldest, sorted[0]) <= 0) return [...lines, ...sorted]
  return [...lines, ...sorted].toSorted(newestFirst)
}

function newestFirst(/** @type {any} */ a, /** @type {any} */ b) {
  if (a['@timestamp'] !== b['@timestamp']) return a['@timestamp'] < b['@timestamp'] ? 1 : -1
  return b['event.sequence'] - a['event.sequence']
}

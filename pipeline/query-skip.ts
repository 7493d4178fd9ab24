/** For each entry, one of its texts stands in the JSON of every document that matches. */
export type Needs = readonly (readonly string[])[]

/** Of a document that matches one of two: of every pair of needs one is met. One pair is enough to choose by. */
export function eitherNeeds(left: Needs, right: Needs): Needs {
  const [a] = left
  const [b] = right
  return a && b ? [[...new Set([...a, ...b])]] : []
}

/**
 * A test of JSON text, of one document or of many: false only where none of them can match. Much cheaper than parsing.
 * `words` are lower case and stand in every message that matches.
 */
export function openSkip(words: readonly string[], needs: Needs): (json: string) => boolean {
  if (words.length === 0 && needs.length === 0) return () => true
  return (json) => {
    if (needs.every((texts) => texts.some((text) => json.includes(text)))) {
      if (words.length === 0) return true
      const lower = json.toLowerCase()
      if (words.every((word) => lower.includes(word))) return true
    }
    return mayHide(json)
  }
}

/**
 * Whether JSON text may hold words that do not stand in it as they are: escaped letters, and the one letter beside the
 * Kelvin sign (which toLowerCase knows) that is as good as an ASCII one. They are left to the real test.
 */
export function mayHide(json: string): boolean {
  return json.includes('\\u') || json.includes('\u017f')
}

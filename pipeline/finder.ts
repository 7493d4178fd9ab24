/**
 * Which of many texts stand in another, in one pass over it however many they are (Aho, Corasick: Efficient String
 * Matching, CACM 1975). ASCII letters count as the same in both cases; also a letter that `toLowerCase` makes ASCII.
 *
 * `texts`: ASCII, none empty. The function it returns gives the places in `texts` of those it finds, each once.
 */
export function openFinder(texts: readonly string[]): (text: string) => number[] {
  const folded = texts.map((text) => text.toLowerCase())
  const { classOf, classes } = classesOf(folded)
  const { next, found } = automatonOf(folded, classOf, classes)
  const isFound = new Uint8Array(texts.length)

  return (text) => {
    const places: number[] = []
    let state = 0
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i)
      const letter = code < ascii ? (classOf[code] as number) : classOfOther(code, classOf)
      state = next[state + letter] as number
      if (state >= 0) continue
      state = -state
      for (const place of found[state / classes] as number[]) {
        if (isFound[place] === 1) continue
        isFound[place] = 1
        places.push(place)
      }
    }
    for (const place of places) isFound[place] = 0
    return places
  }
}

const ascii = 128
/** The two letters that `toLowerCase` makes ASCII; of the second a mark remains behind the i. */
const alsoFolded = new Map([
  [0x212a, 'k'.charCodeAt(0)],
  [0x0130, 'i'.charCodeAt(0)],
])

function classOfOther(code: number, classOf: Uint8Array): number {
  const folded = alsoFolded.get(code)
  return folded === undefined ? 0 : (classOf[folded] as number)
}

/** Letters by what the texts tell apart; 0 stands in none of them. */
function classesOf(texts: readonly string[]): { classOf: Uint8Array; classes: number } {
  const classOf = new Uint8Array(ascii)
  const letters = [...new Set(texts.join(''))]
  for (const [i, letter] of letters.entries()) {
    classOf[letter.charCodeAt(0)] = i + 1
    classOf[letter.toUpperCase().charCodeAt(0)] = i + 1
  }
  return { classOf, classes: letters.length + 1 }
}

/**
 * `next`: at a state and the class of a letter, the state behind it; states count in steps of `classes`. Below zero where
 * texts end, whose places are in `found`.
 */
function automatonOf(texts: readonly string[], classOf: Uint8Array, classes: number) {
  const trie = trieOf(texts, classOf, classes)
  const { next, found } = trie
  const states = found.length
  const fallback = new Int32Array(states)
  // Nearest to the root first, so that what a state falls back to is complete.
  const order = [0]
  for (const state of order) {
    for (let letter = 1; letter < classes; letter++) {
      const at = state * classes + letter
      const child = next[at] as number
      const other =
        state === 0 ? 0 : (next[(fallback[state] as number) * classes + letter] as number)
      if (child === 0) {
        next[at] = other
        continue
      }
      fallback[child] = other
      found[child] = [...(found[child] as number[]), ...(found[other] as number[])]
      order.push(child)
    }
  }
  return {
    found,
    next: next.map((to) => ((found[to] as number[]).length > 0 ? -to * classes : to * classes)),
  }
}

/** `found`: by state, the texts that end there. A state of 0 in `next` is none. */
function trieOf(texts: readonly string[], classOf: Uint8Array, classes: number) {
  const mostStates = texts.reduce((sum, { length }) => sum + length, 1)
  const next = new Int32Array(mostStates * classes)
  const found: number[][] = [[]]
  for (const [place, text] of texts.entries()) {
    let state = 0
    for (let i = 0; i < text.length; i++) {
      const at = state * classes + (classOf[text.charCodeAt(i)] as number)
      state = next[at] ||= found.push([]) - 1
    }
    found[state]?.push(place)
  }
  return { next: next.subarray(0, found.length * classes), found }
}

// Matchers as Alertmanager writes them: `{alertname="A",service=~"/web.*"}`. The server checks them; here they are only read and shown.

/** @typedef {{ name: string, value: string, isRegex: boolean, isEqual: boolean }} Matcher */
/** @typedef {Record<string, string>} Labels */

export const operators = ['=', '=~', '!=', '!~']

const plainName = /^[a-zA-Z_:][\w:]*$/
const one =
  /\s*(?:"((?:[^"\\]|\\.)*)"|([^\s"={}!~,]+))\s*(=~|!~|!=|=)\s*(?:"((?:[^"\\]|\\.)*)"|([^\s",{}]*))\s*(?:,|$)/sy

export const operatorOf = (/** @type {Matcher} */ { isRegex, isEqual }) =>
  isEqual ? (isRegex ? '=~' : '=') : isRegex ? '!~' : '!='

export const withOperator = (/** @type {Matcher} */ matcher, /** @type {string} */ operator) => ({
  ...matcher,
  isRegex: operator.endsWith('~'),
  isEqual: operator.startsWith('='),
})

/** One matcher for each label; an empty label is none. */
export function matchersOf(/** @type {Labels} */ labels) {
  return Object.entries(labels)
    .filter(([, value]) => value !== '')
    .map(([name, value]) => ({ name, value, isRegex: false, isEqual: true }))
}

export function matcherText(/** @type {Matcher} */ matcher) {
  const { name, value } = matcher
  const operator = operatorOf(matcher)
  // Beside a name in quotes the value has more escapes.
  if (!plainName.test(name)) return `${JSON.stringify(name)}${operator}${JSON.stringify(value)}`
  return `${name}${operator}"${value.replace(/[\\"]/g, '\\$&').replaceAll('\n', '\\n')}"`
}

export const matchersText = (/** @type {Matcher[]} */ matchers) =>
  `{${matchers.map(matcherText).join(',')}}`

/**
 * What {@link matchersText} and Alertmanager write, with or without braces; undefined where it is none of that.
 * @param {string} text
 * @returns {Matcher[] | undefined}
 */
export function parseMatchers(text) {
  const inner = text.trim().replace(/^\{/, '').replace(/\}$/, '')
  const matchers = []
  for (one.lastIndex = 0; one.lastIndex < inner.trimEnd().length;) {
    const found = one.exec(inner)
    if (!found) return undefined
    const [, quoted, bare = '', operator = '=', value, bareValue = ''] = found
    const read = quoted === undefined ? classic : goText
    const matcher = {
      name: quoted === undefined ? bare : goText(quoted),
      value: value === undefined ? bareValue : read(value),
    }
    matchers.push(withOperator({ ...matcher, isRegex: false, isEqual: true }, operator))
  }
  return matchers
}

/** Escapes other than these stay as they are: they are the regular expression's. */
const classic = (/** @type {string} */ text) =>
  text.replace(/\\(["\\n])/g, (_, sign) => (sign === 'n' ? '\n' : sign))

const signs = { n: '\n', t: '\t', r: '\r', a: '\u0007', b: '\b', f: '\f', v: '\v' }

/** Go's escapes. */
const goText = (/** @type {string} */ text) =>
  text.replace(
    /\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8})|(.))/gis,
    (_, byte, short, long, sign) => {
      if (sign !== undefined) return signs[/** @type {'n'} */ (sign)] ?? sign
      const code = Number.parseInt(byte ?? short ?? long, 16)
      return code <= 0x10ffff ? String.fromCodePoint(code) : '\ufffd'
    },
  )

/** The same text for the same labels. */
export function labelsKey(/** @type {Labels} */ labels) {
  const kept = Object.entries(labels).filter(([, value]) => value !== '')
  return JSON.stringify(kept.sort(([a], [b]) => (a < b ? -1 : 1)))
}

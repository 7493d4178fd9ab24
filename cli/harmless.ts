/* oxlint-disable no-control-regex -- control characters are what this is about */
/*
 * Log content is data: what a container writes must not move the cursor, change colours, set the window's title or
 * turn the reading direction of somebody's terminal.
 */

const controls = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g
const quick = new RegExp(controls.source)
/** Colours and other text attributes, which programs write in good faith. */
const attributes = /\u001b\[[\d;:]*m/g

/** One line of text for a terminal: colours removed, tabs kept, other control characters shown as `\x1b`. */
export function harmless(text: string): string {
  if (!quick.test(text)) return text
  return text
    .replace(attributes, '')
    .replace(controls, (sign) => (sign === '\t' ? sign : visible(sign)))
}

/** Several lines: each harmless, the later ones indented, so that they cannot pass for lines of ours. */
export function harmlessLines(text: string, indent: string): string {
  if (!quick.test(text)) return text
  const lines = text.replace(/\r?\n$/, '').split(/\r?\n/)
  return lines.map((line, i) => (i === 0 ? '' : indent) + harmless(line)).join('\n')
}

/** JSON on one line; what JSON would leave as it is, but a terminal would obey, is escaped, which JSON allows. */
export function harmlessJson(value: unknown): string {
  return JSON.stringify(value).replace(controls, (sign) => `\\u${hex(sign, 4)}`)
}

function visible(sign: string): string {
  if (sign === '\n') return '\\n'
  if (sign === '\r') return '\\r'
  return sign.charCodeAt(0) < 0x100 ? `\\x${hex(sign, 2)}` : `\\u${hex(sign, 4)}`
}

const hex = (sign: string, digits: number) => sign.charCodeAt(0).toString(16).padStart(digits, '0')

import { cleanLine, cleanText } from '../../clean.ts'

/** Far more than any receiver takes: what is longer need not be cleaned. */
const maxCharacters = 8192

/**
 * Text for the first line of a check's output. A `|` would begin performance data, which Nagios feeds to graphs: it
 * becomes a broken bar. A `;` becomes a colon: Nagios does so itself, others take it for the end. Control characters
 * and line breaks are gone.
 */
export function outputLine(text: string): string {
  return withoutBars(cleanLine(text, maxCharacters)).replaceAll(';', ':')
}

/** Text for the lines below, with line breaks. */
export function outputLines(text: string): string {
  return withoutBars(cleanText(text, maxCharacters))
}

function withoutBars(text: string): string {
  return text.replaceAll('|', '¦')
}

/**
 * Output of several lines for NSCA: daemons before 2.10.1 write line breaks as they are into Nagios's command file, where
 * any line with `[` could be a command. After the first line there is none.
 */
export function withoutCommands(output: string): string {
  const end = output.indexOf('\n')
  if (end < 0) return output
  return output.slice(0, end) + output.slice(end).replaceAll('[', '(').replaceAll(']', ')')
}

/** The beginning of a well-formed text that takes at most `maxBytes` of UTF-8; no character is cut in two. */
export function cutBytes(text: string, maxBytes: number): string {
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(Math.max(0, maxBytes)))
  return text.slice(0, read)
}

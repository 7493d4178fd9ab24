import type { Content, Section } from './content.ts'

export function asText(content: Content): string {
  const width = Math.max(...content.rows.map(({ name }) => name.length)) + 2
  const rows = content.rows.map(({ name, text }) => `${`${name}:`.padEnd(width)}${text}`)
  const parts = [
    `${content.firing ? 'FIRING' : 'RESOLVED'} ${content.title}`,
    content.summary,
    rows.join('\n'),
    // Before the lines, of which there may be a hundred.
    content.links.map(({ name, url }) => `${name}: ${url}`).join('\n'),
    ...content.sections.map(sectionText),
    ...content.notes,
  ]
  return `${parts.filter((part) => part !== undefined && part !== '').join('\n\n')}\n`
}

function sectionText({ title, lines }: Section): string {
  const shown = lines.map(({ time, text }) => {
    const indented = text.replaceAll('\n', '\n    ')
    return time === undefined ? `  ${indented}` : `  ${time}  ${indented}`
  })
  return [`${title}:`, ...shown].join('\n')
}

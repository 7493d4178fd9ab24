import test from 'ava'
import { execFileSync } from 'node:child_process'
import { silenceHelp } from '../../../alerting/group-message/silence.ts'
import { parseMatchers } from '../../../alerting/stages/matchers.ts'
import type { Labels } from '../../../alerting/stages/labels.ts'

const url = 'https://logs.test'

/** What a shell makes of the arguments behind `silence add`, options apart. */
function argumentsOf(command: string): string[] {
  const script = command.replace(/^(mesoscope|amtool) silence add/, String.raw`printf '%s\0'`)
  const output = execFileSync('sh', ['-c', script], { encoding: 'utf8', cwd: '/' })
  return output.split('\0').filter((argument) => argument !== '' && !argument.startsWith('--'))
}

function read(matchers: string[]): Record<string, string> {
  const pairs = matchers
    .flatMap((text) => parseMatchers(text))
    .map(({ name, op, value }) => {
      if (op !== '=') throw new Error(`${name} ${op}`)
      return [name, value] as const
    })
  return Object.fromEntries(pairs)
}

const typable: [string, Labels][] = [
  ['plain words', { alertname: 'X', service: '/shop/web' }],
  ['a substitution', { alertname: '$(touch /tmp/x)`id`$HOME' }],
  ['quotes of both kinds', { alertname: `it's "so" '"'` }],
  ['another command', { alertname: '; rm -rf / & | > x #' }],
  ['backslashes', { alertname: String.raw`a\b\\c\n\"` }],
  ['what looks like an option', { alertname: '--expired', '-x': 'y' }],
  ['commas, braces and equals signs', { alertname: 'a,b="c",{d}=~e' }],
  ['other alphabets', { alertname: 'Überlast 負荷', größe: '1' }],
  ['a name with a dot', { 'service.name': 'x y' }],
]

for (const [sentence, labels] of typable) {
  test(`a shell hands on what is meant: ${sentence}`, (t) => {
    const { sections, links } = silenceHelp([labels], url)
    const commands = sections[0]?.lines ?? []
    t.is(commands.length, 2)
    for (const { text } of commands) t.deepEqual(read(argumentsOf(text)), labels)
    const query = new URLSearchParams(new URL(links[0]?.url ?? '').hash.split('?')[1])
    t.deepEqual(read([query.get('silence') ?? '']), labels)
  })
}

const untypable: [string, Labels][] = [
  ['a line break', { alertname: 'a\nb' }],
  ['an escape sequence', { alertname: 'a\u001b[2J' }],
  ['a mark that turns the text', { alertname: 'a\u202eb' }],
  ['nothing visible in a name', { 'a\u200b': 'b' }],
  ['too long', { alertname: 'x'.repeat(2000) }],
  ['no label at all', {}],
]

for (const [sentence, labels] of untypable) {
  test(`no command, or that of the next best labels: ${sentence}`, (t) => {
    t.deepEqual(silenceHelp([labels], url), { sections: [], links: [] })
    const { sections } = silenceHelp([labels, { team: 'shop' }], url)
    t.deepEqual(read(argumentsOf(sections[0]?.lines[0]?.text ?? '')), { team: 'shop' })
  })
}

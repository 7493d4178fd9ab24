import test from 'ava'
import { existsSync, readFileSync } from 'node:fs'
import { catalogue } from '../pipeline/metrics.ts'

const root = new URL('../', import.meta.url)
const documents = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'CHANGELOG.md']

for (const document of documents) {
  test(`every file that ${document} names is there`, (t) => {
    const text = readFileSync(new URL(document, root), 'utf8')
    const inCode = text.matchAll(/`((?:[\w.-]+\/)+[\w.-]*|[\w-]+\.(?:ts|md|json|yaml))`/g)
    const inLinks = text.matchAll(/\]\((?!https?:|#)([^)#]+)(?:#[^)]*)?\)/g)
    const paths = [...inCode, ...inLinks].map(([, path]) => path as string)
    const missing = paths.filter((path) => !isOurs(path) || !existsSync(new URL(path, root)))
    t.deepEqual(missing.filter(isOurs), [])
    t.true(document === 'CHANGELOG.md' || paths.length > 5)
  })
}

/** Commands, topics, directories of the running program and what lies beside the project are no files of it. */
function isOurs(path: string): boolean {
  return (
    !path.startsWith('.mesoscope') &&
    !path.startsWith('../') &&
    !path.startsWith('@') &&
    path !== 'mesoscope.yaml' &&
    path !== 'utils/'
  )
}

test('links to headings of ARCHITECTURE.md lead somewhere', (t) => {
  const headings = readFileSync(new URL('ARCHITECTURE.md', root), 'utf8')
    .matchAll(/^#+ (.*)$/gm)
    .map(([, title]) =>
      (title as string)
        .toLowerCase()
        .replaceAll(/[^\w -]/g, '')
        .replaceAll(' ', '-'),
    )
    .toArray()
  const links = readFileSync(new URL('README.md', root), 'utf8').matchAll(
    /ARCHITECTURE\.md#([\w-]+)/g,
  )
  for (const [, anchor] of links) t.true(headings.includes(anchor as string), anchor)
})

test('every metric of the catalogue has a sentence', (t) => {
  for (const [name, { help }] of Object.entries(catalogue)) t.regex(help, /^[A-Z].*\.$/, name)
})

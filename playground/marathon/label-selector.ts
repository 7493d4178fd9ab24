import { Refusal } from './refusal.ts'

type Selector = (labels: Record<string, string>) => boolean

const term = /^\s*((?:\\.|[-A-Za-z0-9_.])+)\s*/

/**
 * `environment==production, tier!=frontend, deployed in (us, eu), owner`: all have to hold, each wants its label to be
 * there. @throws Refusal (422)
 */
export function labelSelector(query: string): Selector {
  const selectors: Selector[] = []
  let rest = query
  while (rest.trim() !== '') {
    const [selector, after] = readOne(rest, query)
    selectors.push(selector)
    rest = after.replace(/^\s*,/, '')
    if (rest === after && rest.trim() !== '') throw wrong(query)
  }
  return (labels) => selectors.every((selector) => selector(labels))
}

function readOne(text: string, query: string): [Selector, string] {
  const [name, after] = readTerm(text, query)
  const compared = /^(==|!=)/.exec(after)?.[1]
  if (compared !== undefined) {
    const [value, rest] = readTerm(after.slice(2), query)
    return [has(name, (mine) => (mine === value) === (compared === '==')), rest]
  }
  const set = /^(in|notin)\s*\(([^)]*)\)/.exec(after)
  if (!set) return [has(name, () => true), after]
  const values = (set[2] ?? '').split(',').map((value) => readTerm(value, query)[0])
  return [
    has(name, (mine) => values.includes(mine) === (set[1] === 'in')),
    after.slice(set[0].length),
  ]
}

function readTerm(text: string, query: string): [string, string] {
  const found = term.exec(text)
  if (!found?.[1]) throw wrong(query)
  return [found[1].replaceAll(/\\(.)/g, '$1'), text.slice(found[0].length)]
}

function has(name: string, test: (value: string) => boolean): Selector {
  return (labels) => {
    const value = labels[name]
    return value !== undefined && test(value)
  }
}

function wrong(query: string): Refusal {
  return new Refusal(422, {
    message: `Can not parse label selector ${query}. Reason: string matching failure`,
  })
}

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { parseJson } from '../../pipeline/http.ts'
import { sharedDir } from '../helpers/shared.ts'

const dir = join(sharedDir() ?? '', 'fixtures/marathon')

/** Needs the shared fixtures of Marathon; skipped only where they are not there. */
export const withMarathon = sharedDir() === undefined ? test.skip : test

/** `docs-queue`: a file of what Marathons answered and documented. */
export const marathonFixture = (name: string): unknown => parseJson(marathonText(`${name}.json`))

export const marathonText = (file: string): string => readFileSync(join(dir, file), 'utf8')

export const marathonFixtures = (): string[] =>
  readdirSync(dir)
    .filter((name) => name.endsWith('.json'))
    .map((name) => name.slice(0, -'.json'.length))

/** The pairs of request and answer in `go-marathon-rest-api.json`. */
export const goMarathon = () =>
  marathonFixture('go-marathon-rest-api') as { method: string; uri: string; body?: unknown }[]

/** The answer to a GET there; `index` where several have the same path. */
export function goAnswer(uri: string, index = 0): unknown {
  return goMarathon().filter((pair) => pair.method === 'GET' && pair.uri === uri)[index]?.body
}

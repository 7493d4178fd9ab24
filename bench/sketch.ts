import { parseArgs } from 'node:util'
import {
  addToDistinct,
  countOf,
  decodeDistinct,
  encodeDistinct,
  mergeIntoDistinct,
  openDistinct,
} from '../pipeline/distinct.ts'
import { encodeBody } from '../pipeline/record.ts'
import {
  addTo,
  decodeSketch,
  encodeSketch,
  mergeInto,
  openSketch,
  quantileOf,
} from '../pipeline/sketch.ts'
import { openRandom } from '../test/helpers/random.ts'

/*
 * What it costs to carry a distribution, or a set of strings, in each bucket of a signal: adding, writing, and reading and
 * merging the buckets of an hour. The numbers are latencies (log-normal, median 50 ms), the strings names of users.
 *
 *   npm run bench:sketch -- --seconds 1
 */
const { values } = parseArgs({ options: { seconds: { type: 'string', default: '0.5' } } })
const forMs = Number(values.seconds) * 1000

const say = (name: string, value: string) =>
  void process.stdout.write(`${name.padEnd(64)} ${value}\n`)

/** How often a second; what is done before the clock runs lets the compiler see it. */
function rate(perRun: number, run: () => void): string {
  for (const until = performance.now() + forMs / 4; performance.now() < until;) run()
  let runs = 0
  const begun = performance.now()
  while (performance.now() - begun < forMs) {
    run()
    runs++
  }
  const perSecond = (runs * perRun * 1000) / (performance.now() - begun)
  return Math.round(perSecond).toLocaleString('en')
}

interface Kind<State> {
  name: string
  open: () => State
  /** Adds the nth of what is counted. */
  add: (state: State, n: number) => void
  merge: (state: State, other: State) => void
  encode: (state: State) => string
  decode: (text: string) => State
  ask: (state: State) => unknown
}

function bench<State>(kind: Kind<State>): void {
  const { name, open, add, merge, encode, decode, ask } = kind
  let next = 0
  const filled = (size: number) => {
    const state = open()
    for (let i = 0; i < size; i++) add(state, next++)
    return state
  }
  for (const size of [1, 10, 200, 10_000]) {
    const text = encode(filled(size))
    const adds = rate(size, () => filled(size))
    say(
      `${name} of ${size}: bytes, Zstandard, adds a second`,
      `${text.length}, ${zstd(text)}, ${adds}`,
    )
  }
  for (const size of [1, 10, 200]) {
    const states = Array.from({ length: 720 }, () => filled(size))
    const texts = states.map(encode)
    const merged = () => states.reduce((all, one) => (merge(all, one), all), open())
    const read = () => texts.reduce((all, text) => (merge(all, decode(text)), all), open())
    say(
      `  720 of ${size}: written a second`,
      rate(720, () => states.forEach(encode)),
    )
    say('    merged, read and merged a second', `${rate(720, merged)}, ${rate(720, read)}`)
    const whole = merged()
    say('    bytes of all, asked a second', `${encode(whole).length}, ${rate(1, () => ask(whole))}`)
  }
}

const zstd = (text: string) => encodeBody(Buffer.from(text)).length

/** Made beforehand, since making them takes longer than counting them. */
const made = 2 ** 18
const random = openRandom(20261128)
const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
const latencies = Float64Array.from({ length: made }, () => 50 * Math.exp(0.8 * normal()))
const users = Array.from({ length: made }, () => `user-${Math.floor(random() * 1e7)}@shop.example`)

bench({
  name: 'distribution',
  open: openSketch,
  add: (sketch, n) => addTo(sketch, latencies[n % made] as number),
  merge: mergeInto,
  encode: encodeSketch,
  decode: decodeSketch,
  ask: (sketch) => quantileOf(sketch, 0.99),
})
bench({
  name: 'distinct strings',
  open: openDistinct,
  add: (distinct, n) => addToDistinct(distinct, users[n % made] as string),
  merge: mergeIntoDistinct,
  encode: encodeDistinct,
  decode: decodeDistinct,
  ask: countOf,
})

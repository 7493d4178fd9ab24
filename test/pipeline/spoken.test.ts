import test from 'ava'
import { spokenBytes, spokenSeconds } from '../../pipeline/spoken.ts'

const sizes: [number, string][] = [
  [0, '0 B'],
  [512, '512 B'],
  [1023, '1023 B'],
  [1536, '1.5 KiB'],
  [128 * 2 ** 20, '128 MiB'],
  [1023 * 2 ** 20, '1023 MiB'],
  [1.5e9, '1.4 GiB'],
  [5 * 2 ** 40, '5 TiB'],
]
for (const [bytes, text] of sizes) {
  test(`${bytes} bytes are ${text}`, (t) => t.is(spokenBytes(bytes), text))
}

const times: [number, string][] = [
  [0, '0 s'],
  [0.42, '0.4 s'],
  [12, '12 s'],
  [119, '119 s'],
  [200, '3 min'],
  [7200, '2 h'],
  [90_000, '25 h'],
  [260_000, '3 days'],
]
for (const [seconds, text] of times) {
  test(`${seconds} seconds are ${text}`, (t) => t.is(spokenSeconds(seconds), text))
}

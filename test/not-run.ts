import { readdirSync } from 'node:fs'

/* Says in one line, at the end of `npm test`, what it did not run: the suites on real servers need more than Node and npm. */
const suites = readdirSync(new URL('real/', import.meta.url))
  .filter((name) => name.endsWith('.test.ts'))
  .map((name) => name.replace('.test.ts', ''))
process.stdout.write(
  `Not run here: the suites on a real Docker daemon, Chromium, Kafka and Elasticsearch (${suites.join(', ')}); npm run test:real runs them.\n`,
)

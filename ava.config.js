import { fileURLToPath } from 'node:url'

// `npm test` needs only Node and npm; `npm run test:real` runs the suites on a real Docker daemon and a real browser.
const real = process.env.MESOSCOPE_SUITES === 'real'

// Each test file is a process: what one has compiled the others need not.
process.env.NODE_COMPILE_CACHE ??= fileURLToPath(
  new URL('node_modules/.cache/compiled', import.meta.url),
)

export default {
  extensions: ['ts'],
  files: real ? ['test/real/**/*.test.ts'] : ['test/**/*.test.ts', '!test/real/**'],
  timeout: '3m',
  concurrency: real ? 1 : 2,
  // Processes, not threads: tests open worker threads, send signals and set umasks of their own.
  workerThreads: false,
}

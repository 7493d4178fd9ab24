// `npm test` needs only Node and npm; `npm run test:real` runs the suites on a real Docker daemon and a real browser.
const real = process.env.MESOSCOPE_SUITES === 'real'

export default {
  extensions: ['ts'],
  files: real ? ['test/real/**/*.test.ts'] : ['test/**/*.test.ts', '!test/real/**'],
  timeout: '3m',
  concurrency: real ? 1 : 2,
  // Processes, not threads: tests open worker threads, send signals and set umasks of their own.
  workerThreads: false,
}

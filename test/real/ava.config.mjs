export default {
  extensions: ['ts'],
  files: ['test/real/**/*.test.ts'],
  timeout: '3m',
  concurrency: 1,
}

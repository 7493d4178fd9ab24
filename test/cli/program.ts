import { buildCli } from '../../cli/index.ts'

/** The command line in a process of its own, on the real terminal; what it runs does nothing and takes its time to stop. */
const started = async () => ({
  url: 'http://127.0.0.1:1',
  close: async () => {
    console.log('closing')
    if (process.env['NEVER_CLOSES']) await new Promise(() => {})
  },
})

await buildCli({
  version: '1.2.3',
  start: started,
  startDemo: started,
  openStoreReadOnly: async () => ({
    services: async () => [],
    search: async () => ({ hits: [] }),
    docs: async () =>
      Array.from({ length: 100_000 }, (_, i) => ({
        '@timestamp': '2026-11-22T18:25:51.633858316Z',
        'event.id': `dead:${i}`,
        'event.kind': 'dead' as const,
        reason: 'none',
        origin: 'nowhere',
        bytes: 1,
        sample: 'x',
      })),
    audit: async () => ({ sources: 0, lines: 0, gaps: [] }),
    close: async () => {},
  }),
}).parseAsync()

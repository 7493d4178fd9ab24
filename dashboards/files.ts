import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import fastifyStatic from '@fastify/static'
import type { FastifyInstance } from 'fastify'
import { Trouble } from '../pipeline/errors.ts'

/** The libraries the page uses, by the path the page imports them from. */
const vendored = {
  'preact.js': 'preact',
  'hooks.js': 'preact/hooks',
  'htm.js': 'htm',
  'uplot.js': 'uplot/dist/uPlot.esm.js',
  'uplot.css': 'uplot/dist/uPlot.min.css',
} as const

/** Serves the page as it stands in `page/`, and its libraries from where npm put them; there is no build step. */
export async function serveFiles(app: FastifyInstance): Promise<void> {
  for (const [name, module] of Object.entries(vendored)) serveVendored(app, name, module)
  await app.register(fastifyStatic, {
    root: pageDirectory(),
    cacheControl: false,
    setHeaders: (reply) => void reply.header('cache-control', 'no-cache'),
  })
  app.get('/login', async (_request, reply) => reply.sendFile('login.html'))
}

/** Beside this module in a checkout; a packed program is compiled to `dist/`, the page stays where it was. */
function pageDirectory(): string {
  const places = ['./page/', '../../dashboards/page/'].map((place) =>
    fileURLToPath(new URL(place, import.meta.url)),
  )
  const found = places.find((place) => existsSync(`${place}index.html`))
  if (found) return found
  throw new Trouble(`the page is missing: there is no ${places[0]}index.html`, {
    remedy: 'install Mesoscope again',
  })
}

function serveVendored(app: FastifyInstance, name: string, module: string): void {
  const text = withRelativeImports(readFileSync(fileURLToPath(import.meta.resolve(module)), 'utf8'))
  const etag = `"${createHash('sha256').update(text).digest('hex').slice(0, 32)}"`
  const type = name.endsWith('.css') ? 'text/css' : 'text/javascript'
  app.get(`/vendor/${name}`, async (request, reply) => {
    reply.headers({ 'cache-control': 'no-cache', etag })
    if (request.headers['if-none-match'] === etag) return reply.code(304).send()
    return reply.type(`${type}; charset=utf-8`).send(text)
  })
}

/** Browsers do not know npm's names, and an import map would be an inline script, which the page forbids. */
function withRelativeImports(text: string): string {
  return text
    .replace(/(from|import)\s*(["'])preact\2/g, '$1"./preact.js"')
    .replace(/^\/\/# sourceMappingURL=.*$/m, '')
}

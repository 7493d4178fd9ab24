import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { pause } from '../pipeline/clock.ts'
import { Trouble } from '../pipeline/errors.ts'
import { isLoopback } from '../pipeline/loopback.ts'
import { refusal } from './params.ts'

export interface SecurityOptions {
  host: string
  token: string | undefined
  publicUrl: string | undefined
}

const contentPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** Refuses, before anything listens, what would open the logs to strangers. */
export function checkListening({ host, token }: SecurityOptions): void {
  if (token || isLoopback(host)) return
  throw new Trouble(`the page would listen on ${host} without authentication`, {
    remedy: 'set a token (listen.token), or listen on 127.0.0.1',
  })
}

/** Headers on every answer, and who may ask: the token's holders, or without one programs of this machine. */
export function guard(app: FastifyInstance, options: SecurityOptions): void {
  app.addHook('onRequest', async (_request, reply) => {
    reply.headers({
      'content-security-policy': contentPolicy,
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cross-origin-resource-policy': 'same-origin',
    })
  })
  const { token } = options
  if (token) requireToken(app, token, options.publicUrl)
  else requireLocalName(app, options.publicUrl)
  app.addHook('onRequest', async (request) => {
    if (isSafe(request) || path(request) === '/login') return
    // A foreign page can make a browser send a POST, but not with this header.
    if (request.headers['x-mesoscope'] === '1' || isFromProgram(request)) return
    throw refusal(403, 'this request changes something', 'send the header x-mesoscope: 1 with it')
  })
}

/**
 * The APIs of others are spoken by programs that do not know our header. No page passes here: a browser names the page's
 * origin with what changes something; and these routes take JSON's media type alone, for which it would ask first.
 */
function isFromProgram({ routeOptions, headers }: FastifyRequest): boolean {
  const { url = '' } = routeOptions
  if (!foreignApis.some((prefix) => url.startsWith(prefix))) return false
  return ['origin', 'cookie', 'sec-fetch-site'].every((name) => headers[name] === undefined)
}

const foreignApis = ['/api/v1/', '/api/v2/']

const isSafe = (request: FastifyRequest) => ['GET', 'HEAD', 'OPTIONS'].includes(request.method)
const path = (request: FastifyRequest) => request.url.split('?', 1)[0] as string

/** Against DNS rebinding: a foreign name that resolves to 127.0.0.1 is not us. */
function requireLocalName(app: FastifyInstance, publicUrl: string | undefined): void {
  const publicName = publicUrl === undefined ? undefined : new URL(publicUrl).hostname
  app.addHook('onRequest', async (request) => {
    const name = hostName(request.headers.host)
    refuseForeignPage(request)
    if (name !== undefined && (isLoopback(name) || name === publicName)) return
    throw refusal(
      403,
      `this is not "${(request.headers.host ?? '').slice(0, 100)}"`,
      'use the address that Mesoscope printed, or set the public address (listen.public_url)',
    )
  })
}

/** A foreign page could not read our answers, but it could keep us busy, or take all the live tails there are. */
function refuseForeignPage(request: FastifyRequest): void {
  if (request.headers['sec-fetch-site'] !== 'cross-site' || !path(request).startsWith('/api/'))
    return
  throw refusal(403, 'a page from elsewhere may not ask this', 'open the page of Mesoscope')
}

function hostName(header: string | undefined): string | undefined {
  if (header === undefined || header === '') return undefined
  try {
    return new URL(`http://${header}`).hostname
  } catch {
    return undefined
  }
}

/** What a browser needs before it is logged in, and what others watch us by. */
const openPaths = new Set([
  '/healthz',
  '/livez',
  '/-/healthy',
  '/-/ready',
  '/login',
  '/login.js',
  '/style.css',
  '/favicon.svg',
])
const cookieName = 'mesoscope_session'

function requireToken(app: FastifyInstance, token: string, publicUrl: string | undefined): void {
  // Not the token itself: who reads the cookie has a session, not the key that scripts use.
  const session = createHmac('sha256', token).update('mesoscope session').digest('hex')
  const secure = publicUrl?.startsWith('https:') ? '; Secure' : ''
  app.addHook('onRequest', async (request, reply) => {
    if (openPaths.has(path(request))) return undefined
    if (same(bearer(request), token) || same(cookie(request), session)) return undefined
    if (isSafe(request) && path(request) === '/') return reply.redirect('/login', 302)
    reply.header('www-authenticate', 'Bearer realm="mesoscope"')
    throw refusal(401, 'a token is needed', 'send it as Authorization: Bearer, or log in at /login')
  })
  app.post('/login', async (request, reply) => {
    const given = (request.body as Record<string, unknown> | null)?.['token']
    if (typeof given !== 'string' || !same(given.trim(), token)) return refuseLogin(reply)
    reply.header(
      'set-cookie',
      `${cookieName}=${session}; Path=/; HttpOnly; SameSite=Strict; Max-Age=2592000${secure}`,
    )
    return reply.redirect('/', 303)
  })
}

async function refuseLogin(reply: FastifyReply) {
  // Makes guessing slow without keeping a list of guessers.
  await pause(300)
  return reply.redirect('/login?wrong=1', 303)
}

function bearer(request: FastifyRequest): string | undefined {
  return /^Bearer +(\S+) *$/i.exec(request.headers.authorization ?? '')?.[1]
}

function cookie(request: FastifyRequest): string | undefined {
  const parts = (request.headers.cookie ?? '').split(';').map((part) => part.trim())
  return parts.find((part) => part.startsWith(`${cookieName}=`))?.slice(cookieName.length + 1)
}

/** Compares in a time that does not tell how much of it was right. */
function same(given: string | undefined, wanted: string): boolean {
  if (given === undefined) return false
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(given), digest(wanted))
}

import { learnNow } from './time.js'

/** @typedef {Record<string, string | number | string[] | undefined>} Query */
/** @typedef {Error & { remedy?: string, matches?: string[], status?: number }} ApiError */

/** Relative, so that the page also works below a path of a proxy. */
function address(/** @type {string} */ path, /** @type {Query} */ query) {
  const params = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    for (const one of [value ?? []].flat()) if (one !== '') params.append(name, String(one))
  }
  const text = params.toString()
  return text ? `${path}?${text}` : path
}

/** @returns {ApiError} */
function apiError(/** @type {string} */ message, /** @type {Partial<ApiError>} */ more) {
  return Object.assign(new Error(message), more)
}

async function ask(/** @type {string} */ url, /** @type {RequestInit} */ init) {
  const response = await fetch(url, init).catch((error) => {
    if (init.signal?.aborted) throw error
    throw apiError('Mesoscope does not answer', {
      remedy: 'See whether it still runs; this page tries again by itself.',
    })
  })
  learnNow(response.headers.get('x-mesoscope-now'))
  if (response.status === 401) location.assign(`login${location.hash}`)
  if (response.ok) return response
  const answer = (await response.json().catch(() => undefined)) ?? {}
  // Routes that speak as Alertmanager does answer a text, or a message.
  const said = typeof answer === 'string' ? answer : (answer.error ?? answer.message)
  throw apiError(said || `the server answered ${response.status}`, {
    remedy: answer.remedy,
    matches: answer.matches,
    status: response.status,
  })
}

/** The answer's JSON; throws an ApiError. */
export async function get(
  /** @type {string} */ path,
  /** @type {Query} */ query = {},
  /** @type {AbortSignal | undefined} */ signal,
) {
  const response = await ask(address(path, query), { signal: signal ?? null })
  return response.json()
}

/** The answer's JSON; throws an ApiError. */
export async function post(
  /** @type {string} */ path,
  /** @type {unknown} */ body,
  /** @type {AbortSignal | undefined} */ signal,
) {
  const headers = { 'content-type': 'application/json', 'x-mesoscope': '1' }
  const init = { method: 'POST', headers, body: JSON.stringify(body), signal: signal ?? null }
  const response = await ask(path, init)
  return response.json()
}

/** Throws an ApiError. */
export async function remove(/** @type {string} */ path) {
  await ask(path, { method: 'DELETE', headers: { 'x-mesoscope': '1' } })
}

/** The server sends at least an empty line in this time; else the connection is dead. */
const silenceMs = 25_000

/**
 * Reads NDJSON until it ends: calls back with the lines of each chunk, first with none when connected.
 * @param {string} path
 * @param {Query} query
 * @param {(lines: any[]) => void} onLines
 * @param {AbortSignal} signal
 */
export async function stream(path, query, onLines, signal) {
  const silent = new AbortController()
  const response = await ask(address(path, query), {
    signal: AbortSignal.any([signal, silent.signal]),
  })
  onLines([])
  await readLines(response, onLines, silent)
}

/**
 * The answer of what takes its time: tells how much is done on the way, 0 to 1. Throws an ApiError.
 * @param {string} path
 * @param {unknown} body
 * @param {(progress: number) => void} onProgress
 * @param {AbortSignal} signal
 */
export async function postSlowly(path, body, onProgress, signal) {
  const headers = { 'content-type': 'application/json', 'x-mesoscope': '1' }
  const response = await ask(path, { method: 'POST', headers, body: JSON.stringify(body), signal })
  /** @type {any} */
  let last
  await readLines(response, (lines) => {
    last = lines.at(-1) ?? last
    if (last?.progress !== undefined) onProgress(last.progress)
  })
  if (last?.answer) return last.answer
  throw apiError(last?.error ?? 'the server ended without an answer', { remedy: last?.remedy })
}

/**
 * @param {Response} response
 * @param {(lines: any[]) => void} onLines
 * @param {AbortController} [silent] aborted where nothing comes
 */
async function readLines(response, onLines, silent) {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
  if (!reader) return
  let rest = ''
  for (;;) {
    const timer = setTimeout(() => silent?.abort(), silenceMs)
    const { done, value } = await reader.read().finally(() => clearTimeout(timer))
    if (done) return
    const lines = (rest + value).split('\n')
    rest = lines.pop() ?? ''
    onLines(lines.filter((line) => line !== '').map((line) => JSON.parse(line)))
  }
}

import { createReadStream, statSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { basename } from 'node:path'
import type { Clock } from '../../pipeline/clock.ts'
import { fileV0, fileV1, readAnswer, type Files } from './files.ts'
import { ok, okV1, refusal, texted, writeHead } from './libprocess.ts'
import type { Answer, Asked, Route } from './libprocess.ts'
import { isObject, type Call } from './operator.ts'

/** The endpoints under `/files`. */
export function fileRoutes(files: Files, clock: Clock): [string, Route][] {
  return [
    ['/files/browse', (asked) => withPath(asked, (path) => browse(files, path, asked))],
    ['/files/read', (asked) => withPath(asked, (path) => read(files, path, asked))],
    [
      '/files/download',
      (asked, response) => withPath(asked, (path) => download(files, path, response, clock)),
    ],
  ]
}

function withPath<T>({ query }: Asked, answer: (path: string) => T): T | Answer {
  const path = query.get('path')
  return path ? answer(path) : refusal(400, "Expecting 'path=value' in query.\n")
}

function browse(files: Files, path: string, asked: Asked): Answer {
  const found = files.browse(path)
  return 'refused' in found ? found.refused : ok(found.map(fileV0), asked)
}

/** An offset of -1, or none, asks for the size alone. */
function read(files: Files, path: string, { query }: Asked): Answer {
  const offset = count(query, 'offset')
  const length = count(query, 'length')
  if (typeof offset === 'object') return offset
  if (typeof length === 'object') return length
  const sizeOnly = offset === -1
  const most = length === -1 ? undefined : length
  const found = sizeOnly ? files.read(path, 0, 0) : files.read(path, offset, most)
  if ('refused' in found) return found.refused
  const body = readAnswer(found.data, sizeOnly ? found.size : offset)
  return texted(200, 'application/json', body, true)
}

/** A parameter that counts bytes; -1 is as good as none. */
function count(query: URLSearchParams, name: string): number | Answer {
  const text = query.get(name) ?? '-1'
  if (!/^-?\d{1,15}$/.test(text)) {
    return refusal(400, `Failed to parse ${name}: Failed to convert '${text}' to number.\n`)
  }
  const value = Number(text)
  return value < -1 ? refusal(400, `Negative ${name} provided: ${value}.\n`) : value
}

function download(
  files: Files,
  path: string,
  response: ServerResponse,
  clock: Clock,
): Answer | undefined {
  const found = files.locate(path)
  if ('refused' in found) {
    const isFolder = found.refused.status === 400 && found.refused.body.includes('directory')
    return isFolder ? refusal(400, 'Cannot download a directory.\n') : found.refused
  }
  const { size } = statSync(found.file)
  const headers: [string, string][] = [
    ['Content-Disposition', `attachment; filename=${basename(found.file)}`],
    ['Content-Length', String(size)],
    ['Content-Type', 'application/octet-stream'],
  ]
  writeHead(response, 200, headers, clock)
  if (size === 0) return void response.end()
  // What is written meanwhile is not part of the answer: its length was told.
  createReadStream(found.file, { end: size - 1 })
    .on('error', () => response.destroy())
    .pipe(response)
  return undefined
}

/** `LIST_FILES` and `READ_FILE`; undefined for any other call. */
export function answerFileCall(files: Files, call: Call): Answer | undefined {
  if (call.type === 'LIST_FILES') return listFiles(files, part(call, 'list_files'))
  if (call.type === 'READ_FILE') return readFile(files, part(call, 'read_file'))
  return undefined
}

function listFiles(files: Files, { path }: Record<string, unknown>): Answer {
  const found = files.browse(String(path))
  if ('refused' in found) return found.refused
  const content = found.length === 0 ? {} : { file_infos: found.map(fileV1) }
  return okV1({ type: 'LIST_FILES', list_files: content })
}

function readFile(files: Files, { path, offset, length }: Record<string, unknown>): Answer {
  const most = isCount(length) ? length : undefined
  const found = files.read(String(path), isCount(offset) ? offset : 0, most)
  if ('refused' in found) return found.refused
  const content = { size: found.size, data: found.data.toString('base64') }
  return okV1({ type: 'READ_FILE', read_file: content })
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function part(call: Call, name: string): Record<string, unknown> {
  const value = call[name]
  return isObject(value) ? value : {}
}

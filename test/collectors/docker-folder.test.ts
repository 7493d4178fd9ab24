import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { listFolders } from '../../collectors/docker-folder.ts'
import { Trouble } from '../../pipeline/errors.ts'

/** As somebody who is not root: whom a mode of 000 keeps out. */
function asNobody<T>(action: () => T): T {
  const isRoot = process.geteuid?.() === 0
  if (isRoot) process.seteuid?.(65_534)
  try {
    return action()
  } finally {
    if (isRoot) process.seteuid?.(0)
  }
}

test('who may not list the containers is told of the capability, and of the socket', (t) => {
  const root = mkdtempSync(join(tmpdir(), 'mesoscope-folder-'))
  t.teardown(() => rmSync(root, { recursive: true }))
  chmodSync(root, 0)
  const error = t.throws(() => asNobody(() => listFolders(root)), { instanceOf: Trouble })
  t.true(error.message.startsWith(root))
  t.regex(error.message, /EACCES/)
  t.regex(error.remedy ?? '', /CAP_DAC_READ_SEARCH.*root.*socket/)
})

test('a folder that is not there is taken for the wrong one', (t) => {
  const error = t.throws(() => listFolders('/nowhere/containers'), { instanceOf: Trouble })
  t.regex(error.remedy ?? '', /`containers` folder/)
})

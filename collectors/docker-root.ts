import { watch, type FSWatcher } from 'node:fs'
import { explain } from '../pipeline/errors.ts'
import { listFolders } from './docker-folder.ts'

/** Lists the folders of Docker's containers; `onHint` is called as soon as one came or went, as far as the system tells. */
export function openDockerRoot(onHint: () => void) {
  let hint: FSWatcher | undefined
  let trouble: string | undefined

  /** That it may be missed does no harm. */
  function hintAt(root: string): FSWatcher | undefined {
    try {
      const watcher = watch(root, { persistent: false }, onHint)
      watcher.on('error', () => (hint = undefined))
      return watcher
    } catch {
      return undefined
    }
  }

  return {
    /** Ids; undefined where the folder cannot be read: `trouble` says why. */
    list(root: string): Set<string> | undefined {
      try {
        const folders = new Set(listFolders(root))
        trouble = undefined
        hint ??= hintAt(root)
        return folders
      } catch (error) {
        trouble = explain(error)
        hint?.close()
        hint = undefined
        return undefined
      }
    },
    trouble: () => trouble,
    close: () => hint?.close(),
  }
}

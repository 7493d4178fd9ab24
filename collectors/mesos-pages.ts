import type { Problem } from './answer.ts'
import type { Answer, MesosApi } from './mesos-ask.ts'
import { readTasks, type MesosTask } from './mesos-tasks.ts'

export interface PagesRead {
  tasks: MesosTask[]
  /** False if pages shifted under the reading so much that some may be missing. */
  complete: boolean
  problems: Problem[]
  /** Of the first page, if the master refuses it. */
  refused?: Extract<Answer, { refused: number }>
}

/** Mesos' own default is 100; a page of 500 is some 700 KB. */
const pageSize = 500
/** Pages overlap by so many: where they do not fit together, tasks came or went meanwhile. */
const overlap = 20
const maxPages = 400

/**
 * Reads all tasks of `/tasks`, page by page, newest first. There is no cursor and no total: tasks that come while it reads
 * push the others back (they are seen twice), tasks that go pull them forth (some would be skipped). So each page begins
 * within the one before it; where they have nothing in common, it was skipped over.
 */
export async function readTaskPages(
  api: MesosApi,
  nowMs: number,
  { size = pageSize, shared = overlap }: { size?: number; shared?: number } = {},
): Promise<PagesRead> {
  const tasks = new Map<string, MesosTask>()
  const problems: Problem[] = []
  let complete = true
  for (let page = 0, offset = 0; page < maxPages; page++, offset += size - shared) {
    const query = `limit=${size}&offset=${offset}&order=desc`
    const answer = await api.get(nowMs, `/tasks?${query}`, `/master/tasks?${query}`)
    if ('refused' in answer) {
      return { tasks: [...tasks.values()], complete: false, problems, refused: answer }
    }
    const read = readTasks(answer.value)
    problems.push(...read.problems)
    const fits = page === 0 || read.tasks.some((task) => tasks.has(keyOf(task)))
    complete &&= fits || read.tasks.length === 0
    for (const task of read.tasks) tasks.set(keyOf(task), task)
    if (countOf(answer.value) < size) return { tasks: [...tasks.values()], complete, problems }
  }
  return { tasks: [...tasks.values()], complete: false, problems }
}

/** An id that is used again stands for a task of each run. */
function keyOf({ framework, id, statuses }: MesosTask): string {
  return JSON.stringify([framework, id, String(statuses[0]?.timeNs)])
}

/** How many the page had, whether or not all were understood. */
function countOf(answer: unknown): number {
  const tasks = (answer as { tasks?: unknown } | null)?.tasks
  return Array.isArray(tasks) ? tasks.length : 0
}

import { Trouble } from '../pipeline/errors.ts'

/** Refuses, with a Trouble that names it, to begin what reads the whole past while another such reading is under way. */
export function oneAtATime<Question, Line>(
  what: string,
  run: (question: Question) => AsyncGenerator<Line>,
): (question: Question) => AsyncGenerator<Line> {
  let isBusy = false
  return async function* (question) {
    if (isBusy) throw new Trouble(`another ${what} is running`, { remedy: 'wait for it to end' })
    isBusy = true
    try {
      yield* run(question)
    } finally {
      isBusy = false
    }
  }
}

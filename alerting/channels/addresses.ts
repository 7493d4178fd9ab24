/** Mail addresses as they stand in settings: `Ops <ops@example.org>, b@example.org`. */

const bareAddress = /^[^\s<>",;:@()[\]\\]+@[^\s<>",;:@()[\]\\]+$/

export function isMailAddress(text: string): boolean {
  return bareAddress.test(text)
}

/** The bare addresses of a list, each once; a part that is none stays as it is, for the message. */
export function addressesOf(list: string): string[] {
  const parts = list.match(/(?:"(?:[^"\\]|\\.)*"|[^",])+/g) ?? []
  const bare = parts.map(bareOf).filter((part) => part !== '')
  return [...new Set(bare)]
}

/** `a@example.org` of `A <a@example.org>`. */
export function bareOf(address: string): string {
  const named = /^[^<>]*<([^<>]*)>\s*$/.exec(address)
  return (named?.[1] ?? address).trim()
}

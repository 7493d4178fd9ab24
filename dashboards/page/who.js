const whoKey = 'mesoscope.who'

/** Whose name something was done in last. Where a browser keeps nothing for us, it is asked each time. */
export function rememberedWho() {
  try {
    return localStorage.getItem(whoKey) ?? ''
  } catch {
    return ''
  }
}

export function rememberWho(/** @type {string} */ who) {
  try {
    localStorage.setItem(whoKey, who.trim())
  } catch {
    // See above.
  }
}

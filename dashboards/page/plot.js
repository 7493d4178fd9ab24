import { useEffect, useMemo, useState } from './lib.js'

/** What all charts share: colours of the page, and times under the axis. */

export function colourOf(/** @type {string} */ name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim()
}

/** Whether the reader's system is dark; a chart that was drawn is drawn anew when that changes. */
export function useDark() {
  const query = useMemo(() => matchMedia('(prefers-color-scheme: dark)'), [])
  const [dark, setDark] = useState(query.matches)
  useEffect(() => {
    const follow = () => setDark(query.matches)
    query.addEventListener('change', follow)
    return () => query.removeEventListener('change', follow)
  }, [query])
  return dark
}

/** Hours and minutes; the day where it changes. */
export function axisTimes() {
  return (_chart, ticks, _axis, _space, step) => {
    let day = ''
    return ticks.map((seconds) => {
      const iso = new Date(seconds * 1000).toISOString()
      const clock = step >= 60 ? iso.slice(11, 16) : iso.slice(11, 19)
      const changed = day !== '' && day !== iso.slice(0, 10)
      day = iso.slice(0, 10)
      return changed || step >= 86_400 ? iso.slice(5, 10) : clock
    })
  }
}

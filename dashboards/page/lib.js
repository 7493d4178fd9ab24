// The libraries, in one place, under the names the page uses.
import htm from './vendor/htm.js'
import { h } from './vendor/preact.js'

export const html = htm.bind(h)
export { render } from './vendor/preact.js'
export { useCallback, useEffect, useMemo, useRef, useState } from './vendor/hooks.js'
export { default as uPlot } from './vendor/uplot.js'

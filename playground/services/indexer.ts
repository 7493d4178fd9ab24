import { announce, between, failsNow, isActing, say, takeOrders } from './service.ts'

/** The other container of the pod `/shop/search`: keeps its index up to date. */

let segments = 0

function index(): void {
  if (isActing('hang')) return
  if (failsNow()) return say('error', 'segment could not be written', { segment: segments })
  segments++
  say('info', 'segment written', { segment: segments, documents: between(20, 900) })
  if (segments % 30 === 0) say('warn', 'merge is behind', { segments })
}

takeOrders()
announce()
say('info', 'indexer started')
setInterval(index, 2000)

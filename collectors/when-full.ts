/** What becomes of lines when the spool is full: reading waits until there is room, or the oldest go, counted and told. */
export const whenFullWays = ['block', 'drop_oldest'] as const
export type WhenFull = (typeof whenFullWays)[number]

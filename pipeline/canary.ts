/**
 * The service of lines that Mesoscope writes itself, to measure how long a line takes from being written until it is found. Lists and
 * searches of all services leave it out.
 */
export const canaryService = 'mesoscope/canary'

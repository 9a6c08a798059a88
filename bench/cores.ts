/** What is measured has one core to itself; nodes, load and the benchmark itself share the other. */
export const MEASURED_CORE = 0
export const OTHER_CORE = 1

/** The measured program has one core to itself. Nodes, load and the benchmark share the other. */
export const MEASURED_CORE = 0
export const OTHER_CORE = 1

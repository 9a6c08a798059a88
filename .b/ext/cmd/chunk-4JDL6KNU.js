// discovery/service-of.ts
function serviceOf(name, entries) {
  const nodes = entries.flatMap((entry) => entry.kind === "nodes" ? entry.nodes : []).filter((node) => node.service === name).sort((a, b) => compareKeys(a.id, b.id));
  return nodes.length > 0 ? { name, nodes } : void 0;
}
function compareKeys(a, b) {
  return a < b ? -1 : a > b ? 1 : 0;
}

export {
  serviceOf,
  compareKeys
};

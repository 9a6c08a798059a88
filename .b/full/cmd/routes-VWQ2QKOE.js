import{createRequire as __cr}from"node:module";const require=__cr(import.meta.url);import{dirname as __dn}from"node:path";const __filename=import.meta.filename,__dirname=import.meta.dirname;
import {
  readAdminPage
} from "./chunk-KG64KBG7.js";
import "./chunk-TFXGDFEC.js";
import "./chunk-CM57QZRA.js";
import "./chunk-G4RAHNLO.js";
import "./chunk-TVBUVZWG.js";
import "./chunk-ZFOIPJL2.js";
import "./chunk-G6XK4LIS.js";
import "./chunk-SJNWVKJY.js";
import "./chunk-WSUTVFRI.js";
import "./chunk-UF6LBCNO.js";
import "./chunk-ERV772JK.js";
import "./chunk-N56F7YL5.js";
import "./chunk-X7I5JA7V.js";
import "./chunk-4QJQ3U3V.js";
import "./chunk-TUAEWWSE.js";

// cmd/commands/routes.ts
async function runRoutes(options) {
  console.log(describeTable(await readAdminPage("/routes", options)));
  return 0;
}
function describeTable({ revision, source, defaultAuth, routes, problems }) {
  const state = source.stale ? source.connected ? "stale" : "stale, not connected" : "live";
  const age = source.ageMs === void 0 ? "" : `, confirmed ${Math.round(source.ageMs / 100) / 10} s ago`;
  const rows = routes.flatMap((route) => {
    const methods = route.methods?.join(",") ?? "*";
    const path = `${route.hosts?.join(",") ?? ""}${route.path}`;
    const auth = typeof route.auth === "string" ? route.auth : JSON.stringify(route.auth);
    const about = [route.id, methods, path, route.service, route.broken ? "broken: 503" : auth];
    if (route.nodes.length === 0) return [[...about, "(no node)"]];
    return route.nodes.map((node, index) => [
      ...index === 0 ? about : about.map(() => ""),
      node.id,
      node.address,
      String(node.weight),
      node.protocol === void 0 ? node.state : `${node.state} (${node.protocol})`,
      node.breaker,
      node.health,
      String(node.inFlight),
      String(node.requests),
      String(node.failures)
    ]);
  });
  const header = [
    "ROUTE",
    "METHODS",
    "PATH",
    "SERVICE",
    "AUTH",
    "NODE",
    "ADDRESS",
    "WEIGHT",
    "STATE",
    "BREAKER",
    "HEALTH"
  ];
  const doubt = source.suspects > 0 ? `, ${source.suspects} suspect keys` : "";
  const drift = source.drift > 0 ? `, drift ${source.drift}` : "";
  const lines = [
    `${source.registry} revision ${revision ?? "-"} (${state}${age}${doubt}${drift})`,
    ...source.connected || source.reason === void 0 ? [] : [source.reason],
    ...defaultAuth === "none" ? ["no token key is configured: routes without auth are open to everyone"] : [],
    "",
    formatTable([[...header, "IN FLIGHT", "REQUESTS", "FAILURES"], ...rows])
  ];
  if (problems.length > 0)
    lines.push("", "Problems:", ...problems.map(({ key, reason }) => `  ${key}: ${reason}`));
  return lines.join("\n");
}
function formatTable(rows) {
  const widths = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, cell.length);
  }
  return rows.map(
    (row) => row.map((cell, column) => cell.padEnd(widths[column])).join("  ").trimEnd()
  ).join("\n");
}
export {
  describeTable,
  runRoutes
};

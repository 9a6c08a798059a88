#!/usr/bin/env node
import{createRequire as __cr}from"node:module";const require=__cr(import.meta.url);import{dirname as __dn}from"node:path";const __filename=import.meta.filename,__dirname=import.meta.dirname;

// cmd/waygate.ts
var NEEDED_MAJOR = 22;
var NEEDED_MINOR = 19;
var { node } = process.versions;
var [major = 0, minor = 0] = node.split(".").map(Number);
if (major > NEEDED_MAJOR || major === NEEDED_MAJOR && minor >= NEEDED_MINOR) await import("./main-JRKU2JUM.js");
else {
  const needed = `${NEEDED_MAJOR}.${NEEDED_MINOR}`;
  const cure = `npx -p node@${NEEDED_MAJOR} waygate COMMAND`;
  console.error(
    `waygate: Node.js ${needed} or newer is needed, and this is ${node}: install a newer one from https://nodejs.org, or run ${cure}`
  );
  process.exitCode = 1;
}

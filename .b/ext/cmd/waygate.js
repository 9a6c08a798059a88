#!/usr/bin/env node

// cmd/waygate.ts
var NEEDED_MAJOR = 22;
var NEEDED_MINOR = 19;
var { node } = process.versions;
var [major = 0, minor = 0] = node.split(".").map(Number);
if (major > NEEDED_MAJOR || major === NEEDED_MAJOR && minor >= NEEDED_MINOR) await import("./main-UYFKKNHQ.js");
else {
  const needed = `${NEEDED_MAJOR}.${NEEDED_MINOR}`;
  const cure = `npx -p node@${NEEDED_MAJOR} waygate COMMAND`;
  console.error(
    `waygate: Node.js ${needed} or newer is needed, and this is ${node}: install a newer one from https://nodejs.org, or run ${cure}`
  );
  process.exitCode = 1;
}

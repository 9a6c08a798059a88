import{createRequire as __cr}from"node:module";const require=__cr(import.meta.url);import{dirname as __dn}from"node:path";const __filename=import.meta.filename,__dirname=import.meta.dirname;
import {
  IS_HANGUP_IGNORED
} from "./chunk-X3Q2FBLJ.js";
import {
  addressOf
} from "./chunk-WSUTVFRI.js";

// cmd/commands/child.ts
import { spawn } from "node:child_process";
import { connect, createServer } from "node:net";
import { constants } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
var AddressTakenError = class extends Error {
  name = "AddressTakenError";
  code = "ERR_ADDRESS_TAKEN";
  constructor(address) {
    super(`another process already listens on ${addressOf(address)}; the command was not started`);
  }
};
var StartError = class extends Error {
  name = "StartError";
  code = "ERR_NOT_STARTED";
  constructor(file, cause) {
    const reasons = {
      ENOENT: "no such program",
      EACCES: "it is not an executable file"
    };
    super(`cannot run ${file}: ${reasons[cause.code ?? ""] ?? cause.message}`, { cause });
  }
};
async function startChild(file, args, options) {
  const child = spawn(file, args, { ...options, detached: IS_HANGUP_IGNORED });
  const exited = new Promise((resolve) => {
    child.once("exit", (code, signal) => resolve(code ?? 128 + constants.signals[signal]));
  });
  await new Promise((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", (error) => reject(new StartError(file, error)));
  });
  const kill = () => void child.kill("SIGKILL");
  process.once("exit", kill);
  void exited.then(() => process.off("exit", kill));
  return {
    process: child,
    exited,
    async stop(graceMs) {
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), graceMs);
      const code = await exited;
      clearTimeout(timer);
      return code;
    }
  };
}
async function untilFree({ host, port }, withinMs, signal) {
  if (!await isHere(host)) return;
  const giveUpAt = performance.now() + withinMs;
  while (!signal.aborted && await accepts(host, port)) {
    if (performance.now() >= giveUpAt) throw new AddressTakenError({ host, port });
    await delay(50);
  }
}
function isHere(host) {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ host, port: 0 }, () => server.close(() => resolve(true)));
  });
}
async function untilAccepting(host, port, signal) {
  while (!await accepts(host, port)) await delay(50, void 0, { signal });
}
function accepts(host, port) {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 1e3 });
    const settle = (accepted) => {
      socket.destroy();
      resolve(accepted);
    };
    socket.once("connect", () => settle(true));
    socket.once("error", () => settle(false));
    socket.once("timeout", () => settle(false));
  });
}

export {
  startChild,
  untilFree,
  untilAccepting
};

import{createRequire as __cr}from"node:module";const require=__cr(import.meta.url);import{dirname as __dn}from"node:path";const __filename=import.meta.filename,__dirname=import.meta.dirname;
import {
  addressOf
} from "./chunk-WSUTVFRI.js";

// cmd/cli/listening.ts
function urlOf({ address, port }) {
  return `http://${addressOf({ host: address, port })}`;
}
function localUrlOf({ address, port, family }) {
  const any = address === "0.0.0.0" || address === "::";
  return urlOf({ address: any ? "127.0.0.1" : address, port, family });
}
var SYSCALLS = /* @__PURE__ */ new Set(["listen", "bind", "getaddrinfo"]);
function describeListenError(error) {
  const { code, syscall = "", address, hostname, port } = error;
  if (!SYSCALLS.has(syscall)) return void 0;
  const host = address ?? hostname ?? "";
  const where = port === void 0 ? host : `${host}:${port}`;
  switch (code) {
    case "EADDRINUSE":
      return `cannot listen on ${where}: it is in use`;
    case "EACCES":
      return `cannot listen on ${where}: permission denied`;
    case "EADDRNOTAVAIL":
      return `cannot listen on ${where}: not an address of this machine`;
    case "ENOTFOUND":
      return `cannot listen on ${where}: no such host`;
    default:
      return void 0;
  }
}

export {
  urlOf,
  localUrlOf,
  describeListenError
};

import{createRequire as __cr}from"node:module";const require=__cr(import.meta.url);import{dirname as __dn}from"node:path";const __filename=import.meta.filename,__dirname=import.meta.dirname;
import {
  GatewayError
} from "./chunk-W6G3N2K2.js";

// internal/grpc/rpc.ts
var METHOD_PATH = /^\/[A-Za-z_][\w.-]*\/[A-Za-z_][\w-]*$/;
function isMethodPath(path) {
  return METHOD_PATH.test(path);
}
function methodOf(target) {
  if (!isMethodPath(target)) throw new GatewayError("WG_NO_METHOD", { detail: NOT_A_METHOD });
  return target.slice(1);
}
var NOT_A_METHOD = "The path is not that of a gRPC method, /package.Service/Method.";
var OF_THE_NODE = /^grpc\.(?:reflection|health|channelz)\./;
function isAboutTheNode(name) {
  return OF_THE_NODE.test(name);
}
function isListed(method, allowed) {
  return allowed?.some((entry) => matches(method, entry)) ?? true;
}
function matches(method, entry) {
  return entry.endsWith("*") ? method.startsWith(entry.slice(0, -1)) : method === entry;
}

export {
  isMethodPath,
  methodOf,
  isAboutTheNode,
  isListed
};

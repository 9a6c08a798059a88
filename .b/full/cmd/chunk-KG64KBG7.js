import{createRequire as __cr}from"node:module";const require=__cr(import.meta.url);import{dirname as __dn}from"node:path";const __filename=import.meta.filename,__dirname=import.meta.dirname;
import {
  urlOf
} from "./chunk-TFXGDFEC.js";
import {
  loadConfig
} from "./chunk-CM57QZRA.js";

// cmd/commands/admin-client.ts
var AdminError = class extends Error {
  name = "AdminError";
  code = "ERR_ADMIN";
};
async function readAdminPage(path, { admin: url, config: file, settings }) {
  const { config } = loadConfig({ file, env: process.env, flags: settings });
  const admin = url ?? urlOf({ address: config.adminHost, port: config.adminPort, family: "" });
  const headers = config.adminToken === void 0 ? {} : { authorization: `Bearer ${config.adminToken}` };
  let response;
  try {
    response = await fetch(`${admin}${path}`, { headers, signal: AbortSignal.timeout(5e3) });
  } catch (error) {
    const { cause } = error;
    const reason = cause instanceof Error ? cause.message || cause.code : error;
    throw new AdminError(`no gateway answers at ${admin}: ${reason}`);
  }
  if (response.ok) return await response.json();
  const hint = response.status === 401 ? "set WAYGATE_ADMIN_TOKEN" : await detailOf(response);
  throw new AdminError(`${admin}${path} answered ${response.status}${hint === void 0 ? "" : `: ${hint}`}`);
}
async function detailOf(response) {
  try {
    const { detail } = await response.json();
    return typeof detail === "string" ? detail : void 0;
  } catch {
    return void 0;
  }
}

export {
  readAdminPage
};

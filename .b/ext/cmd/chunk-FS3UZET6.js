import {
  describeListenError
} from "./chunk-XZRWGJW7.js";
import {
  ConfigError
} from "./chunk-RHCDAQUY.js";

// cmd/cli/format-error.ts
var UsageError = class extends Error {
  name = "UsageError";
  /** @param command whose help the message points at; undefined = the help of the program */
  constructor(message, command) {
    const program = command === void 0 ? "waygate" : `waygate ${command}`;
    super(`${program}: ${message}; see ${program} --help`);
  }
};
var RemoteError = class extends Error {
  name = "RemoteError";
};
function formatError(error) {
  if (error instanceof UsageError || error instanceof RemoteError) return error.message;
  if (error instanceof ConfigError) return error.message.replace(/^/gm, "waygate: ");
  if (!(error instanceof Error)) return `waygate: ${error}`;
  const line = describeListenError(error) ?? (isExternal(error) || isExternal(error.cause) ? error.message : void 0);
  return line === void 0 ? error.stack ?? error.message : `waygate: ${line}`;
}
function isExternal(error) {
  return error instanceof Error && "code" in error;
}

export {
  UsageError,
  RemoteError,
  formatError
};

// cmd/cli/signals.ts
import { closeSync, openSync, readFileSync } from "node:fs";
import { constants } from "node:os";
import { basename } from "node:path";
import { isatty } from "node:tty";
var ENDING_SIGNALS = ["SIGTERM", "SIGINT", "SIGQUIT"];
function untilSignal() {
  ignoreClosedTerminal();
  return new Promise((resolve) => {
    let first = true;
    const onSignal = (signal) => {
      if (!first) process.exit(128 + constants.signals[signal]);
      first = false;
      resolve(signal);
    };
    for (const signal of ENDING_SIGNALS) process.on(signal, onSignal);
  });
}
function onHangup(reload) {
  const hadTerminal = [0, 1, 2].some(isatty) && hasTerminal();
  let isEnding = false;
  ignoreClosedTerminal();
  process.on("SIGHUP", () => {
    const mustEnd = reload === void 0 || hadTerminal && !hasTerminal();
    if (!mustEnd || IS_HANGUP_IGNORED) reload?.();
    else if (!isEnding) process.kill(process.pid, "SIGTERM");
    isEnding ||= mustEnd;
  });
}
var IS_HANGUP_IGNORED = basename(process.env._ ?? "") === "nohup" || /^flags:\s*\d*[15]$/m.test(textOf("/proc/self/fdinfo/0")) || /^SigIgn:\s*[\da-f]*[13579bdf]$/m.test(textOf(`/proc/${process.ppid}/status`));
function textOf(path) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
function hasTerminal() {
  try {
    closeSync(openSync("/dev/tty", "r"));
    return true;
  } catch {
    return false;
  }
}
function ignoreClosedTerminal() {
  for (const stream of [process.stdout, process.stderr]) {
    if (!stream.listeners("error").includes(ignore)) stream.on("error", ignore);
  }
}
function ignore() {
}

export {
  ENDING_SIGNALS,
  untilSignal,
  onHangup,
  IS_HANGUP_IGNORED
};

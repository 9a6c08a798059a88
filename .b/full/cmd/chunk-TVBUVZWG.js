import{createRequire as __cr}from"node:module";const require=__cr(import.meta.url);import{dirname as __dn}from"node:path";const __filename=import.meta.filename,__dirname=import.meta.dirname;

// config/kit/problem.ts
var ConfigError = class extends Error {
  name = "ConfigError";
  problems;
  /** What else should be changed, one line each. */
  warnings;
  constructor(problems, warnings = []) {
    super(
      problems.map(({ source, path, message }) => [source, path, message].filter(Boolean).join(": ")).join("\n")
    );
    this.problems = problems;
    this.warnings = warnings;
  }
};
function* under(at, findings) {
  for (const { path, message } of findings) yield { path: [...at, ...path], message };
}
function toProblem({ path, message }) {
  return { path: jsonPath(path), message };
}
function jsonPath(path) {
  return path.reduce((text, key) => {
    if (typeof key === "number") return `${text}[${key}]`;
    return /^[A-Za-z_$][\w$]*$/.test(key) ? `${text}.${key}` : `${text}[${JSON.stringify(key)}]`;
  }, "$");
}
function toReason(findings) {
  return findings.map(({ path, message }) => `${jsonPath(path)}: ${message}`).join("; ");
}
function show(value) {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

export {
  ConfigError,
  under,
  toProblem,
  jsonPath,
  toReason,
  show
};

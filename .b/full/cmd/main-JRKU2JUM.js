import{createRequire as __cr}from"node:module";const require=__cr(import.meta.url);import{dirname as __dn}from"node:path";const __filename=import.meta.filename,__dirname=import.meta.dirname;
import {
  isWorker
} from "./chunk-PK6VYO3W.js";
import {
  packageVersion
} from "./chunk-JL3NSOMA.js";
import {
  UsageError,
  formatError
} from "./chunk-P2GILPID.js";
import "./chunk-TFXGDFEC.js";
import {
  CONFIG_VARIABLE,
  FIELDS,
  closest,
  didYouMean,
  findProblems,
  fromText
} from "./chunk-G4RAHNLO.js";
import "./chunk-TVBUVZWG.js";
import "./chunk-ZFOIPJL2.js";
import {
  MAX_WEIGHT,
  createNode,
  parseAddress
} from "./chunk-WSUTVFRI.js";
import "./chunk-UF6LBCNO.js";
import "./chunk-ERV772JK.js";
import "./chunk-X7I5JA7V.js";
import "./chunk-4QJQ3U3V.js";
import "./chunk-TUAEWWSE.js";

// cmd/cli/arguments.ts
import { parseArgs } from "node:util";

// cmd/cli/option-table.ts
var FIELD_OPTIONS = FIELDS.flatMap((field) => {
  const { flag, description = "", default: value, env } = field.schema;
  if (flag === void 0) return [];
  const [name, placeholder] = flag.slice(2).split(" ");
  return {
    name,
    value: placeholder,
    description: description.replaceAll("`", ""),
    field,
    ...value !== void 0 && { default: String(value) },
    ...env !== void 0 && { variable: env }
  };
});
function fieldOptions(...names) {
  return names.map((name) => {
    const option = FIELD_OPTIONS.find((each) => each.name === name);
    if (option === void 0) throw new TypeError(`no field of the configuration has the flag --${name}`);
    return option;
  });
}
var config = {
  name: "config",
  value: "FILE",
  description: "Configuration file, YAML or JSON.",
  absent: "waygate.yaml when it exists",
  variable: CONFIG_VARIABLE
};
var claim = {
  name: "claim",
  value: "KEY=VALUE",
  description: "Another claim. A value that is JSON becomes JSON. May be repeated."
};
var expires = {
  name: "expires",
  value: "DURATION",
  description: "How long it is valid, in seconds or like 90s, 30m, 1h or 7d."
};
var COMMANDS = {
  start: {
    summary: "run the gateway",
    operands: "",
    options: [config, ...FIELD_OPTIONS]
  },
  demo: {
    summary: "run an etcd, the gateway and two example services, and print what to try",
    operands: "",
    options: [
      { name: "grpc", value: "", description: "The services speak gRPC. Only in a checkout." },
      ...fieldOptions("host", "port", "admin-host", "admin-port", "embedded-etcd", "data-dir", "log-level")
    ]
  },
  register: {
    summary: "register one node in etcd and keep its lease alive",
    operands: "[-- COMMAND ARGUMENTS...]",
    options: [
      {
        name: "name",
        value: "SERVICE",
        description: "The service that the node belongs to.",
        required: true
      },
      { name: "address", value: "HOST:PORT", description: "Where the node listens.", required: true },
      {
        name: "id",
        value: "ID",
        description: "The node's id, unique in its service.",
        absent: "made from the address"
      },
      {
        name: "weight",
        value: "N",
        description: "The node's share of requests, 0 to 65535. 0: no new requests.",
        default: "1"
      },
      {
        name: "protocol",
        value: "PROTOCOL",
        description: "What the node speaks: http, h2c (HTTP/2 in cleartext) or grpc. Others are recorded, but get no requests.",
        absent: "metadata `protocol`, or else http"
      },
      { name: "meta", value: "KEY=VALUE", description: "Metadata of the node. May be repeated." },
      {
        name: "ttl",
        value: "SECONDS",
        description: "How long the node stays in etcd after its lease was last renewed, 6 to 86400.",
        default: "10"
      },
      ...fieldOptions("etcd", "services-prefix", "log-level"),
      config
    ],
    notes: "With a command: runs it, and registers the node once its port accepts connections. When the command ends or on SIGTERM, unregisters the node, drains it, and exits with the exit code of the command."
  },
  routes: {
    summary: "show the live routing table",
    operands: "",
    options: [
      {
        name: "admin",
        value: "URL",
        description: "The admin listener. Its token is read from WAYGATE_ADMIN_TOKEN.",
        absent: "the configured one"
      },
      config
    ]
  },
  token: {
    summary: "sign a token with the configured secret or private key",
    operands: "",
    options: [
      { name: "sub", value: "SUBJECT", description: "The subject of the token.", required: true },
      { ...expires, default: "1h" },
      claim,
      config
    ]
  },
  "api-key": {
    summary: "create an API key, and print the key and value to put into etcd",
    operands: "",
    options: [
      {
        name: "owner",
        value: "OWNER",
        description: "Becomes the user id of requests with the key.",
        required: true
      },
      { name: "scope", value: "SCOPE", description: "A scope that the key grants. May be repeated." },
      { name: "role", value: "ROLE", description: "A role that the key grants. May be repeated." },
      claim,
      { ...expires, absent: "never expires" },
      config
    ],
    notes: "etcd holds only the SHA-256 of the key. The key itself is shown once, by this command."
  },
  "hash-password": {
    summary: "print the hash of a password for basic.users or basic.usersFile",
    operands: "",
    options: [
      { name: "user", value: "NAME", description: "Prints a whole line of basic.usersFile for this user." }
    ],
    notes: "Reads the password from standard input."
  },
  check: {
    summary: "validate a configuration file, a services file, a route document or the value of an API key",
    operands: "FILE",
    options: [
      {
        name: "kind",
        value: "KIND",
        description: "Kind of the file: config, route, services or api-key.",
        absent: "derived from its fields"
      },
      {
        name: "admin",
        value: "URL",
        description: "The admin listener of a running gateway, to find routes to services without a node. Its token is read from WAYGATE_ADMIN_TOKEN.",
        absent: "no gateway is asked"
      }
    ],
    notes: "Prints every problem with its JSON path. Exits with 1 when there is one."
  },
  descriptors: {
    summary: "keep the descriptors of gRPC services in etcd, for JSON in front of gRPC",
    operands: "put NAME FILE | get NAME FILE | list | check FILE",
    options: [
      {
        name: "from",
        value: "HOST:PORT",
        description: "With put: asks this node by server reflection, instead of reading a file."
      },
      {
        name: "rules",
        value: "",
        description: "With list and check: prints the paths at which methods take JSON."
      },
      ...fieldOptions("etcd"),
      config
    ],
    notes: "FILE is a FileDescriptorSet, as protoc --include_imports --descriptor_set_out and buf build write it. NAME is that of the service, or the one that grpc.descriptors of a route names. check exits with 1 when something in the file has no effect."
  },
  doctor: {
    summary: "diagnose etcd and what it holds, as seen from this machine",
    operands: "",
    options: [
      config,
      ...fieldOptions("etcd", "embedded-etcd", "services-prefix", "routes-prefix"),
      {
        name: "write-check",
        value: "",
        description: "Also writes one key below the services prefix and deletes it."
      },
      { name: "json", value: "", description: "Prints the findings as JSON." }
    ],
    notes: "Takes about 2 seconds and at most 10. Exits with 1 when there is a problem; warnings do not count."
  }
};
function isCommandName(name) {
  return Object.hasOwn(COMMANDS, name);
}

// cmd/cli/arguments.ts
var Arguments = class {
  /** Arguments before `--` that are not options. */
  operands = [];
  /** Everything after `--`. */
  rest = [];
  /** Whether `--help` or `-h` is given. */
  help;
  #command;
  #options;
  #values = /* @__PURE__ */ new Map();
  /** @throws UsageError for an unknown option and for an option without its value */
  constructor(command, args) {
    this.#command = command;
    this.#options = COMMANDS[command].options;
    const { tokens } = parseArgs({
      args: [...args],
      options: {
        help: { type: "boolean", short: "h" },
        ...Object.fromEntries(
          this.#options.map(
            ({ name, value }) => [name, { type: value === "" ? "boolean" : "string" }]
          )
        )
      },
      // Not strict, so that every mistake gets our own message.
      strict: false,
      allowPositionals: true,
      tokens: true
    });
    let help = false;
    let terminated = false;
    for (const token of tokens) {
      if (token.kind === "option-terminator") terminated = true;
      else if (token.kind === "positional") (terminated ? this.rest : this.operands).push(token.value);
      else if (token.name === "help") help = true;
      else this.#add(token);
    }
    this.help = help;
  }
  /** Returns the value of an option, the last one when it is repeated; its default when it is absent. */
  one(name) {
    return this.#given(name) ?? this.#options.find((option) => option.name === name)?.default;
  }
  /** Returns every value of a repeatable option. */
  all(name) {
    return this.#values.get(name) ?? [];
  }
  /** Whether a switch is given. */
  has(name) {
    return this.#values.has(name);
  }
  /** @throws UsageError when the option is missing */
  required(name) {
    const value = this.one(name);
    if (value === void 0) throw this.error(`--${name} is missing`);
    return value;
  }
  /** Splits every `KEY=VALUE` of a repeatable option. */
  pairs(name) {
    return this.all(name).map((pair) => {
      const [, key, value] = /^([^=]+)=(.*)$/s.exec(pair) ?? [];
      if (key === void 0 || value === void 0)
        throw this.error(`--${name} must be KEY=VALUE, not ${pair}`);
      return [key, value];
    });
  }
  /** @throws UsageError when the option is missing, or its value is not an integer within the bounds */
  integer(name, { min, max }) {
    const text = this.required(name);
    const value = /^-?\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw this.error(`--${name} must be an integer from ${min} to ${max}, not ${text}`);
  }
  /** Returns the options that set fields of the configuration, each validated by the schema of its field. */
  settings() {
    return this.#options.flatMap(({ name, field }) => {
      const text = this.#given(name);
      if (text === void 0 || field === void 0) return [];
      const { path, schema } = field;
      const value = fromText(text, schema);
      const [problem] = findProblems(schema, value);
      if (problem) throw this.error(`--${name} ${problem.message}`);
      return [{ path, value, source: `option --${name}` }];
    });
  }
  /** Makes an error that points at the help of the command. */
  error(message) {
    return new UsageError(message, this.#command);
  }
  #given(name) {
    return this.#values.get(name)?.at(-1);
  }
  #add(token) {
    const known = ["help", ...this.#options.map((option) => option.name)];
    if (!token.rawName.startsWith("--") || !known.includes(token.name)) {
      const guess = closest(token.name, known);
      throw this.error(
        `unknown option ${token.rawName}${guess === void 0 ? "" : ` (did you mean --${guess}?)`}`
      );
    }
    const { value, inlineValue } = token;
    if (this.#options.some((option) => option.name === token.name && option.value === "")) {
      if (value !== void 0) throw this.error(`${token.rawName} takes no value`);
      this.#values.set(token.name, []);
      return;
    }
    const forgotten = value === void 0 || inlineValue === false && /^-(?!\d)./.test(value);
    if (forgotten || value === "") throw this.error(`${token.rawName} needs a value`);
    const values = this.#values.get(token.name);
    if (values) values.push(value);
    else this.#values.set(token.name, [value]);
  }
};

// cmd/cli/command.ts
var CHECK_KINDS = ["config", "route", "services", "api-key"];
var DESCRIPTOR_ACTIONS = ["put", "get", "list", "check"];

// cmd/cli/help.ts
function programHelp() {
  const rows = Object.entries(COMMANDS).map(([name, { summary }]) => [name, summary]);
  return [
    "waygate: an HTTP API gateway whose routing table is etcd",
    "",
    "Usage: waygate COMMAND [OPTIONS]",
    "",
    ...table(rows),
    "",
    "Run waygate COMMAND --help for the options of a command, and waygate --version for the version.",
    ""
  ].join("\n");
}
function commandHelp(name) {
  const { summary, operands, options, notes } = COMMANDS[name];
  const rows = options.map((option) => [`--${option.name} ${option.value}`.trimEnd(), explain(option)]);
  return [
    `waygate ${name}: ${summary}`,
    "",
    `Usage: waygate ${name} [OPTIONS] ${operands}`.trimEnd(),
    "",
    ...table(rows),
    ...notes === void 0 ? [] : ["", notes],
    ""
  ].join("\n");
}
function explain(option) {
  const { description, required, variable, default: value = option.absent } = option;
  const facts = [required ? "required" : void 0, value && `default: ${value}`, variable].filter(Boolean);
  return facts.length === 0 ? description : `${description} (${facts.join("; ")})`;
}
function table(rows) {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`);
}

// cmd/cli/options.ts
function parseCommandLine(args) {
  const [first, ...rest] = args;
  if (first === void 0) throw new UsageError(`a command is missing: ${Object.keys(COMMANDS).join(", ")}`);
  if (first === "--version" || first === "-v" || first === "version") return { command: "version" };
  if (first === "--help" || first === "-h") return { command: "help", text: programHelp() };
  if (first === "help") return parseHelp(rest);
  if (!isCommandName(first)) {
    const kind = first.startsWith("-") ? "option" : "command";
    throw new UsageError(`unknown ${kind} ${first}${didYouMean(first, [...Object.keys(COMMANDS), "help"])}`);
  }
  const given = new Arguments(first, rest);
  return given.help ? { command: "help", text: commandHelp(first) } : toCommand(first, given);
}
function parseHelp([name]) {
  if (name === void 0) return { command: "help", text: programHelp() };
  if (isCommandName(name)) return { command: "help", text: commandHelp(name) };
  throw new UsageError(`unknown command ${name}${didYouMean(name, Object.keys(COMMANDS))}`);
}
function toCommand(command, given) {
  if (command === "check") return parseCheck(given);
  if (command === "descriptors") return parseDescriptors(given);
  const [operand] = given.operands;
  if (operand !== void 0) throw given.error(`unexpected argument ${operand}`);
  if (command === "register") return parseRegister(given);
  const [extra] = given.rest;
  if (extra !== void 0) throw given.error(`unexpected argument ${extra}`);
  switch (command) {
    case "start":
      return { command, ...configured(given) };
    case "demo":
      return { command, ...configured(given), grpc: given.has("grpc") };
    case "routes":
      return { command, ...configured(given), admin: parseAdmin(given) };
    case "token":
      return parseToken(given);
    case "api-key":
      return parseApiKey(given);
    case "hash-password":
      return { command, user: given.one("user") };
    case "doctor":
      return { command, ...configured(given), writeCheck: given.has("write-check"), json: given.has("json") };
    default:
      return command;
  }
}
function configured(given) {
  return { config: given.one("config"), settings: given.settings() };
}
function parseRegister(given) {
  const name = given.required("name");
  const id = given.one("id");
  const weight = given.integer("weight", { min: 0, max: MAX_WEIGHT });
  const ttlSeconds = given.integer("ttl", { min: 6, max: 86400 });
  const metadata = Object.fromEntries(given.pairs("meta"));
  const { host, port } = parseNode(given, name, id);
  const [file, ...args] = given.rest;
  const child = file === void 0 ? void 0 : { file, args };
  return {
    command: "register",
    ...configured(given),
    name,
    host,
    port,
    id,
    weight,
    protocol: given.one("protocol"),
    metadata,
    ttlSeconds,
    child
  };
}
function parseNode(given, service, id = "unnamed") {
  try {
    return createNode({ service, id, ...parseAddress(given.required("address")) });
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw given.error(error.message);
  }
}
function parseAdmin(given) {
  const text = given.one("admin");
  if (text === void 0) return void 0;
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol) || url.search !== "" || url.hash !== "") {
    throw given.error(`--admin must be an http or https URL, not ${text}`);
  }
  return url.href.replace(/\/+$/, "");
}
var OWN_CLAIMS = ["sub", "exp", "iat"];
function parseToken(given) {
  const expiresInSeconds = parseExpires(given, given.required("expires"));
  const claims = given.pairs("claim").map(([name, value]) => {
    if (OWN_CLAIMS.includes(name))
      throw given.error(`--claim must not set ${name}, which the command sets itself`);
    return [name, jsonOrText(value)];
  });
  return {
    command: "token",
    ...configured(given),
    subject: given.required("sub"),
    expiresInSeconds,
    claims: Object.fromEntries(claims)
  };
}
var SECONDS = { "": 1, s: 1, m: 60, h: 3600, d: 86400 };
function parseExpires(given, text) {
  const match = /^(\d{1,10})([smhd]?)$/.exec(text);
  const seconds = Number(match?.[1]) * (SECONDS[match?.[2] ?? ""] ?? Number.NaN);
  if (seconds > 0 && seconds <= 315576e4) return seconds;
  throw given.error(`--expires must be like 90s, 30m, 1h, 7d or seconds, not ${text}`);
}
function parseApiKey(given) {
  const expires2 = given.one("expires");
  const expiresInSeconds = expires2 === void 0 ? void 0 : parseExpires(given, expires2);
  const words = (name) => given.all(name).map((word) => {
    if (/\s/.test(word)) throw given.error(`--${name} must be one word, not ${word}`);
    return word;
  });
  const claims = given.pairs("claim").map(([name, value]) => [name, jsonOrText(value)]);
  return {
    command: "api-key",
    ...configured(given),
    owner: given.required("owner"),
    scopes: words("scope"),
    roles: words("role"),
    claims: Object.fromEntries(claims),
    expiresInSeconds
  };
}
function jsonOrText(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
function parseCheck(given) {
  const [file, extra] = [...given.operands, ...given.rest];
  if (file === void 0) throw given.error("FILE is missing");
  if (extra !== void 0) throw given.error(`unexpected argument ${extra}`);
  const named = given.one("kind");
  const kind = CHECK_KINDS.find((each) => each === named);
  if (kind !== named) throw given.error(`--kind must be one of ${CHECK_KINDS.join(", ")}, not ${named}`);
  return { command: "check", file, kind, admin: parseAdmin(given) };
}
var DESCRIPTOR_OPERANDS = {
  put: ["NAME", "FILE"],
  get: ["NAME", "FILE"],
  list: [],
  check: ["FILE"]
};
function parseDescriptors(given) {
  const [first, ...operands] = [...given.operands, ...given.rest];
  const action = DESCRIPTOR_ACTIONS.find((each) => each === first);
  if (action === void 0) {
    throw given.error(`the first argument must be one of ${DESCRIPTOR_ACTIONS.join(", ")}, not ${first}`);
  }
  const from = given.one("from");
  if (from !== void 0 && action !== "put") throw given.error("--from belongs to put");
  const wanted = DESCRIPTOR_OPERANDS[action].filter((name) => name !== "FILE" || from === void 0);
  const missing = wanted[operands.length];
  if (missing !== void 0) throw given.error(`${missing} is missing`);
  const extra = operands[wanted.length];
  if (extra !== void 0) throw given.error(`unexpected argument ${extra}`);
  const operandOf = (name) => operands[wanted.indexOf(name)] ?? "";
  return {
    command: "descriptors",
    ...configured(given),
    action,
    name: operandOf("NAME"),
    file: operandOf("FILE"),
    from: from === void 0 ? void 0 : parseFrom(given, from),
    rules: given.has("rules")
  };
}
function parseFrom(given, text) {
  try {
    return parseAddress(text);
  } catch (error) {
    throw given.error(`--from: ${error.message}`);
  }
}

// cmd/main.ts
async function run(command) {
  switch (command.command) {
    case "start":
      return (await import("./start-AGE3HVG7.js")).runStart(command);
    case "demo":
      return (await import("./demo-34HUUBYK.js")).runDemo(command);
    case "register":
      return (await import("./register-LOOEETM7.js")).runRegister(command);
    case "routes":
      return (await import("./routes-VWQ2QKOE.js")).runRoutes(command);
    case "token":
      return (await import("./token-WBGDLAFB.js")).runToken(command);
    case "api-key":
      return (await import("./api-key-OC3GHKAG.js")).runApiKey(command);
    case "hash-password":
      return (await import("./hash-password-5Y2W62NI.js")).runHashPassword(command);
    case "check":
      return (await import("./check-YTW6J4YH.js")).runCheck(command);
    case "descriptors":
      return (await import("./descriptors-5ZWFV7WB.js")).runDescriptors(command);
    case "doctor":
      return (await import("./doctor-UGY7A24U.js")).runDoctor(command);
    case "help":
      console.log(command.text);
      return 0;
    case "version":
      console.log(packageVersion());
      return 0;
    default:
      return command;
  }
}
try {
  process.exitCode = isWorker ? await (await import("./worker-M2CAQUAT.js")).runWorker() : await run(parseCommandLine(process.argv.slice(2)));
} catch (error) {
  console.error(formatError(error));
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
process.exit();

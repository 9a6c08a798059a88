import {
  TOO_DEEP,
  isTooDeep,
  parseJson
} from "./chunk-IOHFKSVH.js";

// internal/text/yaml.ts
var TextDocumentError = class extends TypeError {
  mistakes;
  constructor(mistakes) {
    super(mistakes[0]?.message);
    this.mistakes = mistakes;
  }
};
function parseTextDocument(text, loadYaml) {
  let value;
  try {
    value = parseJson(text);
  } catch {
    const parsed = parseYaml(text, loadYaml());
    return { value: parsed.value, lineOf: (path) => parsed.lineOf(path) };
  }
  let places;
  return {
    value,
    lineOf(path) {
      places ??= placesIn(text, loadYaml());
      return places.lineOf(path);
    }
  };
}
function placesIn(text, yaml) {
  try {
    return parseYaml(text, yaml);
  } catch {
    return { value: void 0, lineOf: () => void 0 };
  }
}
function parseYaml(text, yaml) {
  const lines = new yaml.LineCounter();
  const options = { uniqueKeys: true, stringKeys: true, version: "1.2", prettyErrors: false };
  let document;
  let value;
  try {
    document = yaml.parseDocument(text, { ...options, lineCounter: lines });
    value = document.errors.length > 0 ? void 0 : document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    throw new TextDocumentError([{ message: messageOf(error) }]);
  }
  if (document.errors.length > 0) {
    throw new TextDocumentError(
      document.errors.map((error) => {
        const { line, col } = lines.linePos(error.pos[0]);
        return { line, column: col, message: messageOf(error) };
      })
    );
  }
  if (isTooDeep(value)) throw new TextDocumentError([{ message: TOO_DEEP }]);
  return {
    value,
    lineOf(path) {
      const offset = offsetOf(document, path, yaml);
      return offset === void 0 ? void 0 : lines.linePos(offset).line;
    }
  };
}
function messageOf({ message }) {
  return message.startsWith("Maximum call stack") ? TOO_DEEP : message.split("\n")[0];
}
function offsetOf(document, path, { isMap, isNode, isScalar, isSeq }) {
  let node = document.contents;
  let offset = isNode(node) ? node.range?.[0] : void 0;
  for (const key of path) {
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && item.key.value === key);
      if (!pair) break;
      offset = (isNode(pair.key) ? pair.key.range?.[0] : void 0) ?? offset;
      node = pair.value;
    } else if (isSeq(node) && typeof key === "number") {
      node = node.items[key];
      offset = (isNode(node) ? node.range?.[0] : void 0) ?? offset;
    } else break;
  }
  return offset;
}

export {
  TextDocumentError,
  parseTextDocument
};

import {
  codecNamed
} from "./chunk-7RWYR7F7.js";
import {
  ConfigError,
  jsonPath
} from "./chunk-RHCDAQUY.js";

// cmd/gateway/check-loaded.ts
async function checkLoaded(loaded) {
  const problems = [...formatProblems(loaded), ...await descriptorProblems(loaded)];
  if (problems.length > 0) throw new ConfigError(problems, loaded.warnings);
}
function formatProblems({ config, sourceOf }) {
  const { format, sources } = config.discovery;
  const named = [
    { path: "discovery.format", option: "discovery.format", format },
    // Where a value was set is known only for the list as a whole.
    ...sources.map((source, i) => ({
      path: `discovery.sources[${i}].format`,
      option: "discovery.sources",
      format: source.format
    }))
  ];
  return named.flatMap((each) => {
    try {
      codecNamed(each.format);
      return [];
    } catch (error) {
      return { path: `$.${each.path}`, message: error.message, source: sourceOf(each.option) };
    }
  });
}
async function descriptorProblems({ config, keys, sourceOf }) {
  if (keys.descriptors === void 0 || keys.descriptors.size === 0) return [];
  const { readSchema } = await import("./schema-P3KHSNAS.js");
  return [...keys.descriptors].flatMap(([name, bytes]) => {
    try {
      readSchema(bytes);
      return [];
    } catch (error) {
      return {
        path: jsonPath(["grpc", "descriptors", name]),
        message: `${config.grpc.descriptors[name]} cannot be used: ${error.message}; write it with protoc --include_imports --descriptor_set_out`,
        source: sourceOf("grpc.descriptors")
      };
    }
  });
}

export {
  checkLoaded
};

// Texts that run in their order, because commands among them change what the next ones see: commands.kql, and the golden files of
// the emulator.
import fs from "node:fs";
import path from "node:path";

/** The golden files, each as the texts of a database of its own. */
export function golden(directory) {
  const files = fs.readdirSync(directory, { recursive: true }).filter((file) => file.endsWith(".txt"));
  return files.sort().map((file) => ({ kind: `golden/${file.replaceAll("\\", "/")}`, entries: entries(fs.readFileSync(path.join(directory, file), "utf8")) }));
}

/** `{text, command, parameters, database}` of each entry; those of one role only, or of a database that is not there, are about that, and are left out. */
function entries(file) {
  const found = [];
  let settings = {};
  const lines = file.split("\n");
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at];
    const [, name, value] = /^(parameters|database|role|vary): (.*)$/.exec(line) ?? [];
    if (name !== undefined) settings[name] = value;
    if (!line.startsWith(">")) continue;
    const end = lines.indexOf("---", at);
    const written = [line.slice(1), ...lines.slice(at + 1, end)].join("\n");
    const text = written.startsWith(" ") ? written.slice(1) : JSON.parse(written);
    const isThere = [undefined, "NetDefaultDB"].includes(settings.database);
    if (isThere && settings.role === undefined) {
      const parameters = settings.parameters === undefined ? {} : JSON.parse(settings.parameters);
      found.push({ text, command: isCommand(text), parameters, database: settings.database });
    }
    settings = {};
    // The answer ends at an empty line.
    at = end + 1;
    while (at < lines.length && lines[at].trim() !== "") at++;
  }
  return found;
}

/** Its first line that is no comment begins with a dot. */
const isCommand = (text) =>
  text
    .split("\n")
    .map((line) => line.trimStart())
    .find((line) => line !== "" && !line.startsWith("//"))
    ?.startsWith(".") ?? false;

// Reads every NAME.gz of a directory with Node's zlib, at once and as a stream, and compares it with NAME.
"use strict";
const fs = require("fs");
const path = require("path");
const zlib = require("zlib");

async function streamed(file) {
  const pieces = [];
  for await (const piece of fs.createReadStream(file).pipe(zlib.createGunzip())) pieces.push(piece);
  return Buffer.concat(pieces);
}

async function main(directory) {
  const packed = fs.readdirSync(directory).filter((name) => name.endsWith(".gz"));
  for (const name of packed) {
    const file = path.join(directory, name);
    const expected = fs.readFileSync(file.slice(0, -".gz".length));
    const whole = zlib.gunzipSync(fs.readFileSync(file));
    if (!whole.equals(expected) || !(await streamed(file)).equals(expected)) {
      throw new Error(`${name} does not read back`);
    }
  }
  console.log(`${packed.length} files`);
}

main(process.argv[2]);

// Holds a logsumexp, a softmax and a log_softmax in JavaScript to test vectors of binary64: |got - exact| <= what the
// proven bound of a standard allows.
//
//     shiftproof vectors --format binary64 --out vectors.json
//     node check_vectors.js vectors.json
//     node check_vectors.js vectors.json naive      (a kernel without the shift: must fail)
"use strict";
const fs = require("fs");

const [file, mode] = process.argv.slice(2);
if (!file) { console.error("usage: node check_vectors.js FILE.json [naive]"); process.exit(2); }

function kernels(x) {
  const max = Math.max(...x), a = mode === "naive" ? 0 : max; // NaN if one is; infinities give NaN below
  const top = x.indexOf(max);
  const rest = x.reduce((sum, v, i) => (i === top ? sum : sum + Math.exp(v - a)), 0);
  const tail = Math.log1p(rest + (a === max ? 0 : Math.exp(max - a) - 1));
  return {
    logsumexp: () => [Number.isFinite(a) ? a + tail : a],
    softmax: () => x.map((v) => Math.exp(v - a) / (Math.exp(max - a) + rest)),
    log_softmax: () => x.map((v) => (Number.isFinite(max) ? v - a - tail : NaN)),
  };
}

// A C99 hex float as a number: digits of any length, rounded twice at most far below what is compared.
function number(text) {
  if (text === null) return null;
  if (!text.includes("x")) return { nan: NaN, inf: Infinity, "-inf": -Infinity }[text];
  const [, sign, whole, part = "", exponent] = /^(-?)0x([0-9a-f]+)\.?([0-9a-f]*)p([+-]\d+)$/.exec(text);
  let value = Number(BigInt("0x" + whole + part)), power = Number(exponent) - 4 * part.length;
  for (; power < -1000; power += 500) value *= 2 ** -500;
  for (; power > 1000; power -= 500) value *= 2 ** 500;
  return (sign ? -1 : 1) * value * 2 ** power;
}

let judged = 0, failed = 0;
for (const group of JSON.parse(fs.readFileSync(file, "utf8")).testGroups) {
  if (group.format !== "binary64" || !(group.function in kernels([0]))) continue;
  const standard = group.function === "softmax" ? "shifted" : "shifted-log1p";
  for (const test of group.tests) {
    const got = kernels(test.x.map(number))[group.function]();
    const [want, ulp, offset, allowed] = [test.result, test.ulp, test.offset, test.allowed[standard]].map((a) => a.map(number));
    got.forEach((value, i) => {
      if (ulp[i] !== null && allowed[i] === null) return; // out of the bound's scope: not judged, not passed
      judged += 1;
      const same = Object.is(value + 0, want[i] + 0);
      const error = same ? Math.abs(offset[i]) : Math.abs((value - want[i]) / ulp[i] - offset[i]);
      if (ulp[i] === null ? same : error <= allowed[i]) return;
      failed += 1;
      console.log(`FAILED ${group.function} tcId ${test.tcId}, result ${i}: got ${value}, want ${want[i]}, ` +
        `error ${error} ulp, allowed ${allowed[i]}`);
    });
  }
}
console.log(`${judged} results judged, ${failed} failed`);
process.exit(judged === 0 ? 3 : failed ? 1 : 0);

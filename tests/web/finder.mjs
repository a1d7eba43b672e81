// Answers each line of JSON with one: {"plain": text} with its plain words, {"rules", "heard"} with the cards raised.

import { createInterface } from "node:readline";

import { plainWords } from "../../clients/web/plain.js";
import { RuleMatcher } from "../../clients/web/rules.js";

for await (const line of createInterface({ input: process.stdin })) {
  const { plain, rules, heard } = JSON.parse(line);
  if (plain !== undefined) {
    answer(plainWords(plain));
  } else {
    const matcher = new RuleMatcher(rules);
    // Cards are told when all is heard: places are added to them.
    answer(heard.flatMap((each) => matcher.hear(each)));
  }
}

function answer(value) {
  process.stdout.write(JSON.stringify(value) + "\n");
}

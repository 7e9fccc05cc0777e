import assert from "node:assert/strict";
import { test } from "node:test";

import { Led, LED_FOR_MS } from "./led.ts";

test("a card leads to one play of its title, soon after", () => {
  const led = new Led<{ title_id: string }>();
  const [tide, kiln] = [{ title_id: "tide" }, { title_id: "kiln" }];
  assert.equal(led.take("tide", 0), null);
  led.follow(kiln, 0);
  led.follow(tide, 1);
  assert.equal(led.take("tide", 2), tide);
  assert.equal(led.take("tide", 3), null);
  led.follow(kiln, 4);
  assert.equal(led.take("tide", 5), null);
  assert.equal(led.take("kiln", 6), null);
  led.follow(kiln, 7);
  assert.equal(led.take("kiln", 7 + LED_FOR_MS), null);
  led.follow(kiln, 8);
  led.forget();
  assert.equal(led.take("kiln", 9), null);
});

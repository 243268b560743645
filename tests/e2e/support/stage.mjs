// What a test file begins with: a demo of its own and a browser in front of it, gone when the file ends.

import { after } from 'node:test';
import { launch } from './browser.mjs';
import { startDemo } from './demo.mjs';

/** Call at the top of a test file. If it rejects, the file fails and nothing is left running. */
export async function stage() {
  const demo = await startDemo();
  after(() => demo.stop());
  const browser = await launch();
  after(() => browser.close());
  return { demo, browser };
}
